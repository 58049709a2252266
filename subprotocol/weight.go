package subprotocol

import "hash/maphash"

// Weights says what JSON text is made of. The zero value is ready.
type Weights struct {
	Bytes  int64 // of all that was added
	Keys   int64 // of the keys that had been there before, with their quotation marks and colons
	Base64 int64 // of the strings that are base64

	seen map[uint64]struct{}
}

const (
	maxKeys    = 1024 // that are known again
	leastCoded = 64   // bytes of a string from which on it may be base64
)

var weightSeed = maphash.MakeSeed()

// Add weighs the text of a message, if it looks like JSON.
func (w *Weights) Add(b []byte) {
	if !LooksJSON(b) {
		return
	}
	w.Bytes += int64(len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		from := i + 1
		for i = from; i < len(b) && b[i] != '"'; i++ {
			if b[i] == '\\' {
				i++
			}
		}
		if i >= len(b) {
			return
		}
		w.text(b[from:i], i+1 < len(b) && b[i+1] == ':')
	}
}

// text counts a string.
func (w *Weights) text(s []byte, key bool) {
	switch {
	case !key:
		if len(s) >= leastCoded && coded(s) {
			w.Base64 += int64(len(s))
		}
		return
	case w.seen == nil:
		w.seen = make(map[uint64]struct{})
	}
	h := maphash.Bytes(weightSeed, s)
	if _, known := w.seen[h]; known {
		w.Keys += int64(len(s) + len(`"":`))
	} else if len(w.seen) < maxKeys {
		w.seen[h] = struct{}{}
	}
}

// coded tells that s is base64: its letters and no others, large ones, small
// ones and digits among them.
func coded(s []byte) bool {
	const lower, upper, digit = 1, 2, 4
	kinds := 0
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	for _, c := range s {
		switch {
		case 'a' <= c && c <= 'z':
			kinds |= lower
		case 'A' <= c && c <= 'Z':
			kinds |= upper
		case '0' <= c && c <= '9' || c == '+' || c == '/':
			kinds |= digit
		default:
			return false
		}
	}
	return kinds == lower|upper|digit
}
