package handshake

import (
	"iter"
	"slices"
	"strings"
)

// next is the place of the next field of that name, in any case, from one on; -1
// where there is none. Nearly all differ in length.
func (f Fields) next(name string, from int) int {
	for i := from; i < len(f); i++ {
		n := len(f[i].Name)
		if n >= len(name) && (n == len(name) || isBlank(f[i].Name[n-1])) && f[i].is(name) {
			return i
		}
	}
	return -1
}

// Get returns the value of the first field of that name, in any case, or "".
func (f Fields) Get(name string) string {
	if i := f.next(name, 0); i >= 0 {
		return f[i].Value
	}
	return ""
}

// Values returns the values of all fields of that name, in order.
func (f Fields) Values(name string) []string {
	var values []string
	for i := f.next(name, 0); i >= 0; i = f.next(name, i+1) {
		values = append(values, f[i].Value)
	}
	return values
}

// Has tells whether there is a field of that name, even an empty one.
func (f Fields) Has(name string) bool { return f.next(name, 0) >= 0 }

// Count returns how many fields have that name.
func (f Fields) Count(name string) int {
	n := 0
	for i := f.next(name, 0); i >= 0; i = f.next(name, i+1) {
		n++
	}
	return n
}

// Tokens returns the elements of the comma-separated lists in all fields of
// that name, in order and as sent, empty ones left out (RFC 9110 §5.6.1).
func (f Fields) Tokens(name string) []string {
	return slices.Collect(f.elements(name))
}

// CountToken returns how many of the elements that Tokens gives are token, in
// any case, and how many there are in all.
func (f Fields) CountToken(name, token string) (n, all int) {
	for element := range f.elements(name) {
		if strings.EqualFold(element, token) {
			n++
		}
		all++
	}
	return n, all
}

// elements yields what Tokens gives.
func (f Fields) elements(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := f.next(name, 0); i >= 0; i = f.next(name, i+1) {
			for rest := f[i].Value; len(rest) > 0; {
				var element string
				if element, rest = cutElement(rest); element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// is compares names without case.
func (f *Field) is(name string) bool {
	switch n := len(f.Name); {
	case n == len(name):
		const lower = 'a' - 'A'
		return n == 0 || (f.Name[n-1]|lower == name[n-1]|lower && (f.Name == name || strings.EqualFold(f.Name, name)))
	case n > len(name) && isBlank(f.Name[n-1]):
		return strings.EqualFold(f.name(), name)
	}
	return false
}

// name is Name without white space before the colon: that is a fault of the
// sender (RFC 9112 §5.1), not another name.
func (f *Field) name() string {
	sent := f.Name
	for len(sent) > 0 && isBlank(sent[len(sent)-1]) {
		sent = sent[:len(sent)-1]
	}
	return sent
}

// text is what lists are cut from: a captured head, or a kept value.
type text interface{ ~string | ~[]byte }

// cutElement cuts the first element off a comma-separated list. A comma
// inside a quoted string (RFC 9110 §5.6.4) belongs to the element.
func cutElement[T text](list T) (element, rest T) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return trim(list[:i]), list[i+1:]
		}
	}
	return trim(list), list[len(list):]
}

// trim cuts optional white space (RFC 9110 §5.6.3) off both ends.
func trim[T text](s T) T {
	for len(s) > 0 && isBlank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// equalFold compares ASCII text without case; lower is in lower case.
func equalFold[T text](s T, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(lower) {
		if c := s[i]; c != lower[i] && (c < 'A' || c > 'Z' || c+'a'-'A' != lower[i]) {
			return false
		}
	}
	return true
}
