#!/bin/sh
# Records the captures again: all, or those named. Needs root, Debian's tcpdump, dumpcap, nginx, chromium, zstd, haproxy,
# microsocks, dante-server, tinyproxy, proxychains4, curl, openssl, socat, mitmproxy and
# python3-{websockets,aiohttp,tornado,hypercorn}, Node 20 with npm, and Go.
# All traffic stays in a network namespace of its own.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm install --no-audit --no-fund --no-package-lock --silent
go build -o bin/gopeer ./gopeer
exec unshare --net --pid --fork --kill-child --mount-proc sh -c 'ip link set lo up && exec /usr/bin/python3 record.py "$@"' record "$@"
