#!/bin/sh
# Compares wssniff with tcpdump and tshark; README.md says what the columns are.
# usage: bench/run.sh [FILE...]
set -eu
here=$(pwd)
cd "$(dirname "$0")/.."
pairs=${BENCH_PAIRS:-5}
slice=${BENCH_SLICE:-100000}
dir=${BENCH_DIR:-}
if [ -z "$dir" ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 130' INT TERM
fi
case $dir in /*) ;; *) dir=$here/$dir ;; esac
mkdir -p "$dir"

export CGO_ENABLED=0
go build -o "$dir/wssniff" ./cmd/wssniff
go build -o "$dir/trafficgen" ./internal/trafficgen/cmd/trafficgen
go build -o "$dir/measure" ./bench/measure

# make SHAPE PACKETS FILE: writes a capture that is not there yet.
make() {
	[ -e "$3" ] || {
		"$dir/trafficgen" -shape "$1" -packets "$2" -o "$3.part" -truth "$3.json"
		mv "$3.part" "$3"
	}
}

ours="wssniff=$dir/wssniff -q -r {} -l none -f text"
alone() { "$dir/measure" -n "$pairs" -file "$1" "$ours"; }
cheap() { "$dir/measure" -n "$pairs" -file "$1" "$ours" "tcpdump=tcpdump -r {} -w /dev/null"; }
dear() { "$dir/measure" -n "$pairs" -file "$1" "$ours" "tshark=tshark -n -q -r {} -Y websocket"; }

"$dir/measure" -header
for shape in small bulk many; do
	case $shape in
	small) packets=${BENCH_PACKETS:-5000000} ;;
	bulk) packets=${BENCH_PACKETS:-1000000} ;;
	many) packets=${BENCH_PACKETS:-2000000} ;;
	esac
	make "$shape" "$packets" "$dir/$shape-$packets.pcap"
	make "$shape" "$slice" "$dir/$shape-$slice.pcap"
	cheap "$dir/$shape-$packets.pcap"
	dear "$dir/$shape-$slice.pcap"
done
# What dirt costs: the first row over the second in processor seconds; and memory over open connections.
for shape in late ordered lossy open10k open100k; do
	[ -z "${BENCH_PACKETS:-}" ] || break
	make "$shape" 0 "$dir/$shape.pcap"
	alone "$dir/$shape.pcap"
done
small=$dir/small-500000.pcap
make small 500000 "$small"
alone "$small"
for file; do
	case $file in /*) ;; *) file=$here/$file ;; esac
	cheap "$file"
	if command -v tcpdump >/dev/null; then
		part=$dir/slice-$(basename "$file")
		tcpdump -r "$file" -c "$slice" -w "$part" 2>/dev/null
		dear "$part"
		rm -f "$part"
	else
		echo "$(basename "$file"): no slice for tshark, tcpdump is not installed"
	fi
done
