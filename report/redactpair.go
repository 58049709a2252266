package report

import "github.com/wssniff/wssniff/credential"

// pair is the value of a name that marks a credential. The separator stands
// at sep; the value begins at v or behind white space.
func (s *scanner) pair(sep, v int) (hit, bool) {
	end := sep
	for end > 0 && sep-end < 8 && isBlank(s.b[end-1]) {
		end--
	}
	name, level, quoted := s.name(end)
	query := s.url || s.b[sep] == '%'
	if !query && !quoted && s.b[sep] == '=' {
		if i := end - len(name); i > 0 {
			query = s.b[i-1] == '?' || s.b[i-1] == '&'
		}
	}
	if len(name) == 0 || !credential.Name(name, query) {
		return hit{}, false
	}
	return s.value(sep, v, name, level, quoted)
}

// name is the name that ends at end. If it stands in quotes, level is the
// number of backslashes before each.
func (s *scanner) name(end int) (name []byte, level int, quoted bool) {
	least := max(0, end-credential.MaxName)
	if end > 0 && isQuote(s.b[end-1]) {
		quote := s.b[end-1]
		end--
		for end > 0 && s.b[end-1] == '\\' {
			end--
			level++
		}
		i := end
		for least = max(0, end-credential.MaxName); i > least && s.b[i-1] != quote; {
			i--
		}
		return s.b[i:end], level, true
	}
	i := end
	for i > least && isNameChar(s.b[i-1]) {
		i--
	}
	return s.b[i:end], 0, false
}

func isNameChar(c byte) bool {
	switch c {
	case '_', '-', '.', '$', '%', '[', ']':
		return true
	}
	return isAlnum(c)
}

func isQuote(c byte) bool { return c == '"' || c == '\'' }

// value finds the end of a value by how it begins.
func (s *scanner) value(sep, v int, name []byte, level int, quoted bool) (hit, bool) {
	v = s.run(v, isSpace)
	from := s.run(v, func(c byte) bool { return c == '\\' })
	if from < len(s.b) && isQuote(s.b[from]) {
		to := s.closing(from+1, s.b[from], from-v)
		return hit{from: from + 1, to: to}, to > from+1
	}
	if v == len(s.b) {
		return hit{}, false
	}
	if !quoted || s.b[sep] != ':' {
		to := s.raw(sep, v)
		return hit{from: v, to: to}, to > v
	}
	if s.b[v] == '{' || s.b[v] == '[' {
		return hit{from: v, to: s.balanced(v, level), quote: level + 1}, true
	}
	to := s.run(v, isLiteral)
	switch {
	case to == v, string(s.b[v:to]) == "null", string(s.b[v:to]) == "true", string(s.b[v:to]) == "false":
		return hit{}, false
	case name[len(name)-1] == 's' && s.b[v] <= '9': // a number of tokens
		return hit{}, false
	}
	return hit{from: v, to: to, quote: level + 1}, true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isLiteral(c byte) bool { return isAlnum(c) || c == '-' || c == '+' || c == '.' }

// closing is the end of a string whose quotes have that many backslashes
// before them: 2ⁿ-1 of them n strings deep.
func (s *scanner) closing(i int, quote byte, level int) int {
	run := 0
	for ; i < len(s.b); i++ {
		switch s.b[i] {
		case '\\':
			run++
			continue
		case quote:
			if run < level || run%(2*level+2) == level {
				return i - min(run, level)
			}
		}
		run = 0
	}
	return len(s.b)
}

// balanced is the end of an object or array, the text's if it has none.
func (s *scanner) balanced(i, level int) int {
	depth, run := 0, 0
	for ; i < len(s.b); i++ {
		c := s.b[i]
		if c == '\\' {
			run++
			continue
		}
		switch c {
		case '"':
			if run < level { // the string around it ends
				return i - run
			}
			i = s.closing(i+1, c, level) + level
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		run = 0
	}
	return len(s.b)
}

// raw is the end of a value without quotes. Behind a colon it goes to the end
// of the line, as in a field; a line may end with an escape, inside JSON.
func (s *scanner) raw(sep, i int) int {
	url := s.url || s.b[sep] == '%'
	if !url && s.b[sep] == ':' {
		return s.plain(i, func(c byte) bool { return c >= ' ' && c != '"' || c == '\t' })
	}
	inValue := func(c byte) bool { return c > ' ' && c != '&' && c != '"' && c != '<' && c != '>' }
	if url {
		inValue = func(c byte) bool { return c > ' ' && c != '&' && c != '"' && c != '#' }
	}
	to := s.plain(i, inValue)
	if s.has(to, " ") && oneScheme(s.b[i:to]) {
		to = s.plain(s.run(to, isBlank), inValue)
	}
	return to
}

// plain is run, up to the escape of a line end or a quote.
func (s *scanner) plain(i int, in func(byte) bool) int {
	for ; i < len(s.b) && in(s.b[i]); i++ {
		if s.b[i] != '\\' || i+1 == len(s.b) {
			continue
		}
		switch s.b[i+1] {
		case 'n', 'r', '"':
			return i
		}
	}
	return i
}

func oneScheme(b []byte) bool {
	const longest = 20
	if len(b) > longest {
		return false
	}
	var buf [longest]byte
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return credential.OneOf(buf[:len(b)], schemes[:])
}
