package casetest

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// A line is a line of a script: a verb and its words. A line that begins with
// "+" is the end of the one before it, and lines that begin with "|" are its
// body.
type line struct {
	number  int // in the script, from 1
	verb    string
	words   []word
	body    []string
	hasBody bool
	wants   []Want
	conn    uint64  // which it is about: filled by the player
	packets []int64 // likewise
}

// A word is `name`, `name=value` or `"value"`, which has no name.
type word struct {
	name, value string
	valued      bool // it had a "="
}

func (w word) String() string {
	switch {
	case w.name == "":
		return strconv.Quote(w.value)
	case w.valued:
		return w.name + "=" + w.value
	}
	return w.name
}

// number reads the value as an unsigned number, in any of Go's bases.
func (w word) number() (uint64, error) {
	n, err := strconv.ParseUint(w.value, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%v: not a number", w)
	}
	return n, nil
}

// length reads the value as a count that fits an int.
func (w word) length() (int, error) {
	n, err := strconv.ParseUint(w.value, 0, 31)
	if err != nil {
		return 0, fmt.Errorf("%v: not a number below 2³¹", w)
	}
	return int(n), nil
}

func (w word) bytes() ([]byte, error) {
	b, err := hex.DecodeString(w.value)
	if err != nil {
		return nil, fmt.Errorf("%v: not hex digits", w)
	}
	return b, nil
}

// parse cuts a script into its lines.
func parse(script string) ([]*line, error) {
	var lines []*line
	n := 0
	for text := range strings.Lines(script) {
		n++
		text = strings.TrimRight(text, "\r\n")
		if body, ok := strings.CutPrefix(text, "|"); ok {
			if len(lines) == 0 {
				return nil, fmt.Errorf("line %d: a body without a verb", n)
			}
			last := lines[len(lines)-1]
			last.body, last.hasBody = append(last.body, strings.TrimPrefix(body, " ")), true
			continue
		}
		words, comment, err := cut(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		wants := expectations(comment)
		switch {
		case len(words) == 0 && len(wants) > 0:
			return nil, fmt.Errorf("line %d: a want without a verb", n)
		case len(words) == 0:
		case words[0].name == "+":
			if len(lines) == 0 {
				return nil, fmt.Errorf("line %d: + continues nothing", n)
			}
			last := lines[len(lines)-1]
			last.words = append(append(last.words, word{name: "with"}), words[1:]...)
			last.wants = append(last.wants, wants...)
		default:
			lines = append(lines, &line{number: n, verb: words[0].name, words: words[1:], wants: wants})
		}
	}
	return lines, nil
}

// expectations reads what stands behind "#": want RULE… not RULE…
func expectations(comment string) []Want {
	var wants []Want
	not := false
	for i, word := range strings.Fields(comment) {
		switch {
		case word == "want", word == "not":
			not = word == "not"
		case i == 0:
			return nil
		default:
			wants = append(wants, Want{Rule: word, Not: not})
		}
	}
	return wants
}

// cut cuts a line into words, and what stands behind its "#".
func cut(text string) (words []word, comment string, err error) {
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" {
			return words, "", nil
		}
		if text[0] == '#' {
			return words, text[1:], nil
		}
		var w word
		stops := " \t\"="
		if text[0] == '/' { // a target may hold anything
			stops = " \t"
		}
		end := strings.IndexAny(text, stops)
		if end < 0 {
			end = len(text)
		}
		w.name, text = text[:end], text[end:]
		if w.name != "" && strings.HasPrefix(text, "=") {
			w.valued, text = true, text[1:]
		}
		switch {
		case strings.HasPrefix(text, `"`):
			quoted, err := strconv.QuotedPrefix(text)
			if err != nil || (w.name != "" && !w.valued) {
				return nil, "", fmt.Errorf("bad quotes at %s", text)
			}
			if w.value, err = strconv.Unquote(quoted); err != nil {
				return nil, "", fmt.Errorf("bad quotes at %s", text)
			}
			text = text[len(quoted):]
		case w.valued:
			end := strings.IndexAny(text, " \t")
			if end < 0 {
				end = len(text)
			}
			w.value, text = text[:end], text[end:]
		case w.name == "":
			return nil, "", fmt.Errorf("a word cannot begin with %q", text[:1])
		}
		words = append(words, w)
	}
}
