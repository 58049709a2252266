package report

import "strings"

// A memo remembers what was made of a key: of what comes with every connection
// the words of the report are made once.
type memo[K comparable] map[K]string

const (
	maxMemo  = 1024
	memoText = 512 // bytes of a key of text, else it is not remembered
)

func (m *memo[K]) of(k K, words func(K) string) string {
	s, known := (*m)[k]
	if known {
		return s
	}
	if s = words(k); len(*m) < maxMemo {
		if *m == nil {
			*m = make(memo[K])
		}
		(*m)[k] = s
	}
	return s
}

// shown is what was made of text, of which a copy is remembered.
func shown(m *memo[string], text string, words func(string) string) string {
	if s, known := (*m)[text]; known {
		return s
	}
	if len(text) > memoText || len(*m) >= maxMemo {
		return words(text)
	}
	return m.of(strings.Clone(text), words)
}
