package main

import (
	"bytes"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

const (
	minMemory     = 16 << 20
	defaultMemory = 1 << 30
)

var units = map[string]int{
	"": 0, "B": 0,
	"K": 10, "KB": 10, "KIB": 10,
	"M": 20, "MB": 20, "MIB": 20,
	"G": 30, "GB": 30, "GIB": 30,
	"T": 40, "TB": 40, "TIB": 40,
}

// parseSize reads a number of bytes: 1000000, 64K, 512M, 2G, 2GiB.
func parseSize(s string) (n int64, ok bool) {
	digits := strings.TrimRight(s, "KMGTkmgtiIbB")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	shift, ok := units[strings.ToUpper(s[len(digits):])]
	return n << shift, ok && n <= math.MaxInt64>>shift
}

// limitMemory makes the run stay below n bytes, or where n is 0 below the
// smaller of 1 GiB and a quarter of the machine. It gives what of that may be
// held: the rest is for what the collector has not yet found to be garbage.
func limitMemory(n int64) (held int64) {
	if n == 0 {
		n = defaultMemory
		if total := machineMemory(); total > 0 {
			n = max(minMemory, min(n, total/4))
		}
	}
	debug.SetMemoryLimit(n)
	return n / 2
}

// machineMemory is the memory of the machine in bytes, 0 where it does not say.
func machineMemory() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, b, _ = bytes.Cut(b, []byte("MemTotal:"))
	b, _, _ = bytes.Cut(b, []byte("kB"))
	kib, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
