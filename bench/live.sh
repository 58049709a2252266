#!/bin/sh
# Plays WebSocket traffic onto a wire in a network namespace and counts what
# wssniff and tcpdump, beside it, get and lose; README.md says more.
# usage: bench/live.sh [PACKETS-PER-SECOND [SECONDS]]
set -eu
rate=${1:-50000}
seconds=${2:-10}
if [ -z "${BENCH_INSIDE:-}" ]; then
	cd "$(dirname "$0")/.."
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 130' INT TERM
	export CGO_ENABLED=0
	go build -o "$dir/wssniff" ./cmd/wssniff
	go build -o "$dir/trafficgen" ./internal/trafficgen/cmd/trafficgen
	"$dir/trafficgen" -shape "${BENCH_SHAPE:-many}" -packets $((rate * seconds)) -o "$dir/traffic.pcap"
	chmod 777 "$dir"
	BENCH_INSIDE=$dir unshare -n -- sh "$(pwd)/bench/live.sh" "$rate" "$seconds"
	exit
fi
dir=$BENCH_INSIDE
ip link set lo up
ip link add one mtu 65535 type veth peer name two
for i in one two; do
	ip link set "$i" mtu 65535 addrgenmode none
	ip link set "$i" up
done
tcpdump -i two -B 65536 -w /dev/null 2>"$dir/tcpdump" &
beside=$!
"$dir/wssniff" -i two -v -l none ${BENCH_FLAGS:-} >"$dir/report" 2>"$dir/wssniff.err" &
ours=$!
until grep -q capturing "$dir/wssniff.err" && grep -q listening "$dir/tcpdump"; do sleep 0.1; done

# series prints the resident memory of wssniff, in KiB, over time.
series() {
	while [ -r "/proc/$ours/status" ]; do
		awk -v at="$(($(date +%s) - begun))" '/^VmRSS/ { print at " s: " $2 " KiB" }' "/proc/$ours/status" || break
		sleep "${BENCH_EVERY:-2}"
	done
}
begun=$(date +%s)
series &
watcher=$!
tcpreplay -q -K -i one --pps="$rate" "$dir/traffic.pcap" | sed -n 's/^/tcpreplay: /p' | grep -E 'Actual|Rated'
sleep 1
kill "$watcher"
echo "wssniff: processor seconds (user, system, in ticks of 1/$(getconf CLK_TCK)): $(cut -d' ' -f14,15 "/proc/$ours/stat")"
kill -INT "$ours" "$beside"
wait "$ours" || true
wait "$beside" || true
grep -E 'two: live|TCP connections' "$dir/wssniff.err"
sed 's/^/tcpdump: /' "$dir/tcpdump" | grep -E 'packets'
