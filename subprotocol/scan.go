package subprotocol

import "bytes"

// The functions here walk over JSON (RFC 8259) without judging it, in bytes
// that may be cut off anywhere: fault.go judges.

// skipSpace is the first place from i on that is no white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString is the place behind the string that begins at i, -1 if it is cut off.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// skipValue is the place behind the value that begins at i, -1 if it is cut
// off or there is none. It counts brackets, and takes time in proportion to
// the bytes however deep they are.
func skipValue(b []byte, i int) int {
	depth := 0
	for start := i; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := skipString(b, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return endOf(start, i)
			}
			depth--
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return endOf(start, i)
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return -1
}

// endOf is i, or -1 where nothing stands between.
func endOf(start, i int) int {
	if start == i {
		return -1
	}
	return i
}

// members goes over those of an object that are there whole.
type members struct {
	b          []byte
	i          int
	key, value []byte // key without its quotes, value with them
}

// objectIn is ready to go over the object that b holds; without one there are
// no members.
func objectIn(b []byte) members {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return members{}
	}
	return members{b: b, i: i + 1}
}

// next goes to the next member.
func (m *members) next() bool {
	i := skipSpace(m.b, m.i)
	if i < len(m.b) && m.b[i] == ',' {
		i = skipSpace(m.b, i+1)
	}
	if i >= len(m.b) || m.b[i] != '"' {
		return false
	}
	end := skipString(m.b, i)
	if end < 0 {
		return false
	}
	m.key = m.b[i+1 : end-1]
	if i = skipSpace(m.b, end); i >= len(m.b) || m.b[i] != ':' {
		return false
	}
	i = skipSpace(m.b, i+1)
	if end = skipValue(m.b, i); end < 0 {
		return false
	}
	m.value, m.i = m.b[i:end], end
	return true
}

// member is the value of the object's first member of that name, nil without one.
func member(b []byte, name string) []byte {
	for m := objectIn(b); m.next(); {
		if string(m.key) == name {
			return m.value
		}
	}
	return nil
}

// elements fills list with the first elements of the array that b holds. It
// says how many there are of those that are whole.
func elements(b []byte, list [][]byte) int {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '[' {
		return 0
	}
	n := 0
	for i++; n < len(list); n++ {
		if i = skipSpace(b, i); i < len(b) && b[i] == ',' && n > 0 {
			i = skipSpace(b, i+1)
		}
		end := skipValue(b, i)
		if end < 0 {
			break
		}
		list[n], i = b[i:end], end
	}
	return n
}

// plain is a value without the quotes that a string has. null is nothing.
func plain(v []byte) []byte {
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		return v[1 : len(v)-1]
	}
	if string(v) == "null" {
		return nil
	}
	return v
}

// scalar is plain of what is no object and no array, which are nothing.
func scalar(v []byte) []byte {
	if len(v) > 0 && (v[0] == '{' || v[0] == '[') {
		return nil
	}
	return plain(v)
}

// number reads a whole number from 0 to 9999, -1 for what is none.
func number(v []byte) int {
	if len(v) == 0 || len(v) > 4 {
		return -1
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// unescape appends a JSON string's content with its escapes resolved, as far
// as what stands inside is to be read: \u escapes above U+007F stay.
func unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			dst = append(dst, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'u':
			if n := hex4(s[i+1:]); n >= 0 && n < 0x80 {
				dst = append(dst, byte(n))
				i += 4
				continue
			}
			dst = append(dst, '\\', 'u')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// hex4 reads four hexadecimal digits, -1 for what is none.
func hex4(b []byte) int {
	if len(b) < 4 {
		return -1
	}
	n := 0
	for _, c := range b[:4] {
		d := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if c >= '0' && c <= '9' {
			d = int(c - '0')
		}
		if d < 0 {
			return -1
		}
		n = n<<4 | d
	}
	return n
}

// A word is a type of message as it stands in JSON, and what it is for.
type word struct {
	text string
	kind Kind
}

// find looks for the word; nil if the table has none.
func find(table []word, text []byte) *word {
	for i := range table {
		if table[i].text == string(text) {
			return &table[i]
		}
	}
	return nil
}
