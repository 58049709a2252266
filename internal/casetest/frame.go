package casetest

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// A frame is what the words of a script say about a WebSocket frame.
type frame struct {
	raw     bool // the payload is sent as it is, without a header
	fin     bool
	rsv     byte
	opcode  byte
	masked  bool
	mask    []byte
	payload []byte
	form    int    // bits of the payload length: 7, 16, 64; 0: the shortest
	claim   uint64 // what the payload length says, if claims
	claims  bool
	named   bool // the words said what it is
}

// kinds are the words that begin a frame.
var kinds = map[string]byte{"cont": 0, "text": 1, "bin": 2, "close": 8, "ping": 9, "pong": 10}

// take adds a word to the frame, and says whether it is a frame's.
func (f *frame) take(w word) (bool, error) {
	var err error
	opcode, isKind := kinds[w.name]
	switch {
	case w.name == "":
		f.payload = append(f.payload, w.value...)
	case isKind && !w.valued:
		f.opcode, f.named = opcode, true
	case w.name == "raw" && !w.valued:
		f.raw, f.named = true, true
	case w.name == "opcode":
		var n uint64
		n, err = w.number()
		f.opcode, f.named = byte(n)&0x0f, true
	case w.name == "more":
		f.fin = false
	case w.name == "masked", w.name == "unmasked":
		f.masked = w.name == "masked"
	case w.name == "mask":
		f.masked = true
		if f.mask, err = w.bytes(); err == nil && len(f.mask) != 4 {
			err = fmt.Errorf("%v: a masking key has four bytes", w)
		}
	case w.name == "rsv1":
		f.rsv |= 4
	case w.name == "rsv2":
		f.rsv |= 2
	case w.name == "rsv3":
		f.rsv |= 1
	case w.name == "rsv":
		var n uint64
		n, err = w.number()
		f.rsv = byte(n) & 7
	case w.name == "hex":
		var b []byte
		b, err = w.bytes()
		f.payload = append(f.payload, b...)
	case w.name == "len":
		var n int
		n, err = w.length()
		f.payload = append(f.payload, fill(n)...)
	case w.name == "form":
		if f.form, err = w.length(); err == nil && f.form != 7 && f.form != 16 && f.form != 64 {
			err = fmt.Errorf("%v: a payload length has 7, 16 or 64 bits", w)
		}
	case w.name == "claim":
		f.claim, err = w.number()
		f.claims = true
	default:
		return f.takeCode(w)
	}
	return true, err
}

// takeCode takes the number behind close (RFC 6455 §5.5.1).
func (f *frame) takeCode(w word) (bool, error) {
	code, err := strconv.ParseUint(w.name, 10, 16)
	if err != nil || w.valued || f.opcode != kinds["close"] {
		return false, nil
	}
	f.payload = binary.BigEndian.AppendUint16(f.payload, uint16(code))
	return true, nil
}

// fill gives n bytes of ASCII that differ from place to place.
func fill(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdefghijklmnopqrstuvwxyz-"[i%37]
	}
	return b
}

// appendTo writes the frame as in the drawing of RFC 6455 §5.2.
func (f *frame) appendTo(b []byte) ([]byte, error) {
	if !f.named {
		return nil, fmt.Errorf("a frame needs one of text, bin, cont, ping, pong, close, opcode=, raw")
	}
	if f.raw {
		return append(b, f.payload...), nil
	}
	first := f.opcode | f.rsv<<4
	if f.fin {
		first |= 0x80
	}
	length := uint64(len(f.payload))
	if f.claims {
		length = f.claim
	}
	form := f.form
	if form == 0 {
		form = shortest(length)
	}
	var mask byte
	if f.masked {
		mask = 0x80
	}
	switch form {
	case 7:
		if length > 125 {
			return nil, fmt.Errorf("%d does not fit seven bits", length)
		}
		b = append(b, first, mask|byte(length))
	case 16:
		if length > 65535 {
			return nil, fmt.Errorf("%d does not fit 16 bits", length)
		}
		b = binary.BigEndian.AppendUint16(append(b, first, mask|126), uint16(length))
	case 64:
		b = binary.BigEndian.AppendUint64(append(b, first, mask|127), length)
	}
	if !f.masked {
		return append(b, f.payload...), nil
	}
	b = append(b, f.mask...)
	for i, c := range f.payload {
		b = append(b, c^f.mask[i%4])
	}
	return b, nil
}

// shortest is the form that RFC 6455 §5.2 demands.
func shortest(length uint64) int {
	switch {
	case length <= 125:
		return 7
	case length <= 65535:
		return 16
	}
	return 64
}
