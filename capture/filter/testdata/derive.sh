#!/usr/bin/env bash
# Makes golden.txt of expressions.txt: for each expression and link type the program of tcpdump, or that it has none.
# Needs tcpdump with libpcap. A line: link type, expression, instructions (code jt jf k) with commas between; "!" is an error.
set -eu
cd "$(dirname "$0")"

# compile gives a program. One that lets nothing through is an error, unless it is not optimised (-O).
compile() {
	tcpdump -y "$1" "${@:3}" -ddd -- "$2" 2>/dev/null | tail -n +2 | paste -sd,
}

derive() {
	local line links expression program
	while IFS= read -r line; do
		case $line in '' | '#'*) continue ;; esac
		links=EN10MB,LINUX_SLL,LINUX_SLL2,RAW,NULL,PPP,C_HDLC
		expression=$line
		if [ "${line:0:1}" = @ ]; then
			links=${line%% *}
			links=${links:1}
			expression=${line#* }
		fi
		for link in ${links//,/ }; do
			program=$(compile "$link" "$expression")
			[ -n "$program" ] || program=$(compile "$link" "$expression" -O)
			printf '%s\t%s\t%s\n' "$link" "$expression" "${program:-!}"
		done
	done <expressions.txt
}

derive >golden.new
mv golden.new golden.txt
