package main

import "testing"

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1000": 1000, "7B": 7, "64K": 64 << 10, "512M": 512 << 20, "512mb": 512 << 20, "2GiB": 2 << 30, "1T": 1 << 40,
		"": -1, "M": -1, "-1": -1, "1.5G": -1, "1X": -1, "1iB": -1, "1KK": -1, "9999999T": -1, "1MiBB": -1, "0x10": -1,
	} {
		got, ok := parseSize(s)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}
