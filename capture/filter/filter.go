// Package filter is the language of pcap-filter(7): text in, classic BPF out.
//
//	text ─ lex.go ─► tokens ─ parse.go ─► nodes ─ gen*.go ─► tests ─ emit.go ─► program
//
// [Parse] reads the words once; [Filter.Compile] makes a program of them for
// a target, since the same words are other offsets on another link type, and
// since a live packet is not what a file has of it: the kernel has taken its
// VLAN tag off. The kernel runs a live program, [Program.Match] that of a file.
//
// A program says of each packet what libpcap's program says, in all but what
// is named where it differs. It is not optimised.
package filter

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// A Filter is an expression that was read.
type Filter struct {
	text    string
	root    node // nil: every packet
	foreign bool
}

// A Lookup gives the addresses of a host by its name.
type Lookup func(name string) ([]netip.Addr, error)

// Limits that no filter of use meets.
const (
	maxText     = 64 << 10 // bytes
	maxDepth    = 100      // of parentheses, brackets, signs and negations within each other
	maxProgram  = 1 << 16  // instructions for a file
	kernelLimit = 4096     // instructions for the kernel
)

// Parse reads an expression; an empty one is true for every packet. Names of
// hosts are looked up now; without lookup they are an error. The error is an
// [*Error].
func Parse(text string, lookup Lookup) (*Filter, error) {
	f := &Filter{text: text}
	if len(text) > maxText {
		return nil, &Error{Text: text[:40], reason: fmt.Sprintf("the filter has %d bytes, the limit is %d", len(text), maxText)}
	}
	p := &parser{text: text, tokens: lex(text), lookup: lookup}
	p.pair()
	if p.now().kind == tokenEnd && p.err == nil {
		return f, nil
	}
	f.root, _ = p.expression(noQuals)
	if p.now().kind != tokenEnd {
		p.unexpected("and, or, or the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// Foreign is a filter in words that this package does not know: it compiles
// for no target. Who else can compile it has its text.
func Foreign(text string) *Filter { return &Filter{text: text, foreign: true} }

// Refused is the error that somebody else gives about the filter as a whole.
func (f *Filter) Refused(reason string) *Error { return f.failure(token{}, reason) }

// String gives the text as it was.
func (f *Filter) String() string { return f.text }

// A Target is what a program runs on.
type Target struct {
	LinkType uint16 // LINKTYPE_ number of how packets begin
	Live     bool   // in the kernel, on a packet socket of Linux; LINKTYPE_LINUX_SLL2 is a cooked one
	Snaplen  uint32 // what the program returns for a packet it lets through; 0 is all bytes
}

const everyByte = 262144 // as tcpdump has it

// Compile makes the program for a target. The error is an [*Error]: words
// that make no sense there, or a program too long for it.
func (f *Filter) Compile(t Target) (Program, error) {
	link, ok := framings[t.LinkType]
	if !ok {
		return nil, f.failure(token{}, fmt.Sprintf("no filter is possible on link type %d", t.LinkType))
	}
	if f.foreign {
		return nil, f.failure(token{}, fmt.Sprintf("only libpcap knows its words, and not for link type %d", t.LinkType))
	}
	if t.Snaplen == 0 {
		t.Snaplen = everyByte
	}
	g := &generator{filter: f, live: t.Live, link: link, layers: layers{framing: link}}
	g.kind.fixed, g.payload.fixed = link.kind, link.payload
	if g.cooked = t.Live && t.LinkType == linkSLL2; g.cooked {
		g.payload.fixed, g.kind.meta = 0, true
	}
	root := always
	if f.root != nil {
		root = f.root.gen(g)
	}
	if g.err != nil {
		return nil, g.err
	}
	limit := maxProgram
	if t.Live {
		limit = kernelLimit
	}
	program, ok := emit(g.prologue(), root, t.Snaplen, limit)
	if !ok {
		return nil, f.failure(token{}, fmt.Sprintf("the program would be longer than %d instructions; a simpler filter, or several runs, may do", limit))
	}
	return program, nil
}

// An Error says what is wrong with a filter, and where.
type Error struct {
	Text   string // the whole filter
	Word   string // that is wrong, or that something is missing behind; "" where it is the filter as a whole
	Column int    // where Word begins, in characters from 1
	At     int    // where the mark goes, in characters from 1; 0 is nowhere
	reason string
}

func (e *Error) Error() string {
	if e.Word == "" {
		return "filter: " + e.reason
	}
	return fmt.Sprintf("filter: %q at column %d %s", e.Word, e.Column, e.reason)
}

// margin is how many characters are shown before the mark, and behind it.
const margin = 36

// Mark gives two lines: the text, and a caret under the place. Of a long text
// it is what stands around the place. It is empty where there is no place.
func (e *Error) Mark() string {
	if e.At == 0 {
		return ""
	}
	text := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, e.Text))
	at := e.At - 1
	from, to := max(0, at-margin), min(len(text), at+margin)
	line := string(text[from:to])
	return "    " + line + "\n    " + strings.Repeat(" ", at-from) + "^"
}

// failure is an error about a token; without one, about the whole.
func (f *Filter) failure(t token, reason string) *Error { return failure(f.text, t, t.at, reason) }

// failure makes an error about t, whose mark is at a byte of text.
func failure(text string, t token, at int, reason string) *Error {
	e := &Error{Text: text, Word: t.text, reason: reason}
	if t.text != "" {
		e.Column, e.At = runes(text[:t.at])+1, runes(text[:at])+1
	}
	return e
}

func runes(s string) int { return len([]rune(s)) }
