package capture

import (
	"math"
	"math/bits"
)

// A clock turns the time stamps of one pcapng interface into nanoseconds. A
// stamp is multiplied by mul and then shifted right or divided, in 128 bits.
type clock struct {
	mul, div uint64
	shift    uint
	offset   int64 // seconds to add
}

// clockOf gives the clock for a value of if_tsresol: the exponent of the
// tick length, of 2 where the top bit is set and of 10 where it is not, with
// the minus sign left out.
func clockOf(resolution byte) clock {
	exponent := uint(resolution & 0x7f)
	switch {
	case resolution&0x80 != 0:
		return clock{mul: 1e9, div: 1, shift: exponent}
	case exponent <= 9:
		return clock{mul: power10(9 - exponent), div: 1}
	case exponent <= 28:
		return clock{mul: 1, div: power10(exponent - 9)}
	}
	return clock{mul: 0, div: 1} // 64 bits of such ticks are less than 1 ns
}

func power10(n uint) uint64 {
	v := uint64(1)
	for range n {
		v *= 10
	}
	return v
}

// time gives the time of a stamp; what does not fit into a Time is the
// nearest that does.
func (c *clock) time(stamp uint64) Time {
	hi, lo := bits.Mul64(stamp, c.mul)
	if c.shift >= 64 {
		hi, lo = 0, hi>>(c.shift-64)
	} else if c.shift > 0 {
		hi, lo = hi>>c.shift, lo>>c.shift|hi<<(64-c.shift)
	}
	if c.div > 1 {
		lo /= c.div // mul is 1, so hi is 0
	}
	if hi != 0 || lo > math.MaxInt64 {
		lo = math.MaxInt64
	}
	if c.offset == 0 {
		return Time(lo)
	}
	return c.shifted(int64(lo))
}

func (c *clock) shifted(ns int64) Time {
	const most = math.MaxInt64 / 1_000_000_000
	offset := min(max(c.offset, -most), most) * 1_000_000_000
	if offset > 0 && ns > math.MaxInt64-offset {
		return math.MaxInt64
	}
	return max(Time(ns+offset), NoTime+1)
}
