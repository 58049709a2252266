package report

import "strings"

// A memo remembers what was made of a key: of what comes with every connection
// the words of the report are made once.
type memo[K comparable] map[K]*label

// A label is what is shown of a key, and who has it in common, if that has been looked up.
type label struct {
	name  string
	group *group
}

const (
	maxMemo  = 1024
	memoText = 512 // bytes of a key of text, else it is not remembered
)

func (m *memo[K]) of(k K, words func(K) string) *label {
	l := (*m)[k]
	if l != nil {
		return l
	}
	if l = (&label{name: words(k)}); len(*m) < maxMemo {
		if *m == nil {
			*m = make(memo[K])
		}
		(*m)[k] = l
	}
	return l
}

// shown is what was made of text, of which a copy is remembered.
func shown(m *memo[string], text string, words func(string) string) *label {
	if l := (*m)[text]; l != nil {
		return l
	}
	if len(text) > memoText || len(*m) >= maxMemo {
		return &label{name: words(text)}
	}
	return m.of(strings.Clone(text), words)
}
