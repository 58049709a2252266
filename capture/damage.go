package capture

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An OpenError says why [Open] could not open something.
type OpenError struct {
	Name string // as it was given
	Err  error
	Hint string // what may help, "" where nothing is known to
}

func (e *OpenError) Error() string { return "capture: open " + e.Name + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *OpenError) Unwrap() error { return e.Err }

// A DamageError says where a file could not be read on. All packets that
// stand before that place were delivered.
type DamageError struct {
	File   string
	Offset int64  // of the trouble in the file, or in what it holds where it is compressed; 0 in the file's header
	Packet int64  // of this file, from 1: the one that is damaged, or would have come next; 0 in the file's header
	Reason string // "cut off", "not a capture file (starts with 7f454c46)"
	Have   int64  // bytes there are of what was being read
	Want   int64  // bytes there should be, 0 where that is not known
	Within string // what was being read where it was not a packet: "the file header"
	Inside string // the compression the offset is in: "gzip"; "" for none
	Hint   string // what may help, "" where nothing is known to
	Err    error  // what the system or the decompressor said, if anything

	between bool // nothing of the next packet is there
}

// Error gives one line: file, what is wrong, and where.
func (e *DamageError) Error() string {
	var b strings.Builder
	b.WriteString(e.File + ": " + e.Reason)
	if e.Packet > 0 {
		b.WriteString(" at byte " + group(e.Offset))
		if e.Inside != "" {
			b.WriteString(" of what " + e.Inside + " holds")
		}
	}
	if e.Within != "" && !e.between {
		b.WriteString(" in " + e.Within)
	}
	if e.Packet > 0 {
		if e.between {
			b.WriteString(" behind packet " + group(e.Packet-1))
		} else if e.Within != "" {
			b.WriteString(" before packet " + group(e.Packet))
		} else {
			b.WriteString(" in packet " + group(e.Packet))
		}
	}
	if e.Want > 0 {
		fmt.Fprintf(&b, " (%s bytes of %s)", group(e.Have), group(e.Want))
	}
	if e.Packet > 1 {
		b.WriteString("; everything before it is in the report")
	}
	return b.String()
}

// Unwrap gives the cause, if there is one beside the bytes themselves.
func (e *DamageError) Unwrap() error { return e.Err }

// Hint gives what may help against err, "" where nothing is known to.
func Hint(err error) string {
	if open, ok := errors.AsType[*OpenError](err); ok {
		return open.Hint
	}
	if damage, ok := errors.AsType[*DamageError](err); ok {
		return damage.Hint
	}
	return ""
}

// group writes n with a comma before each three digits.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
