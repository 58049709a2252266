package filter

import "slices"

// The operations of a classic BPF program, as bpf(4) numbers them.
const (
	loadWord, loadHalf, loadByte = 0x20, 0x28, 0x30
	indexed                      = 0x60 // exclusive or: at X and more
	loadNumber                   = 0x00
	loadCell                     = 0x60
	loadLength                   = 0x80
	loadXNibble                  = 0xb1
	loadXCell                    = 0x61
	storeA, storeX               = 0x02, 0x03

	add, subtract, multiply, divide = 0x04, 0x14, 0x24, 0x34
	bitOr, bitAnd                   = 0x44, 0x54
	shiftLeft, shiftRight           = 0x64, 0x74
	negate, remainder, bitXor       = 0x84, 0x94, 0xa4
	withX                           = 0x08
	addX                            = add | withX

	jumpAlways, jumpEqual, jumpGreater = 0x05, 0x15, 0x25
	jumpNotLess, jumpBits              = 0x35, 0x45
	jumpEqualX                         = jumpEqual | withX

	giveBack   = 0x06
	toX, fromX = 0x07, 0x87
)

// The places of what Linux knows of a packet beside its bytes.
const (
	metaProtocol   = 0xfffff000 + 0
	metaPacketType = 0xfffff000 + 4
	metaInterface  = 0xfffff000 + 8
	metaTag        = 0xfffff000 + 44
	metaTagged     = 0xfffff000 + 48
)

// cells is how much memory a program has.
const cells = 16

// alu are the operations by their signs.
var alu = map[string]uint16{
	"+": add, "-": subtract, "*": multiply, "/": divide, "%": remainder, "&": bitAnd, "|": bitOr, "^": bitXor,
	"<<": shiftLeft, ">>": shiftRight,
}

// store and recall write and read a cell, counted from 1.
func store(cell int) instruction  { return instruction{Op: storeA, K: uint32(cell - 1)} }
func recall(cell int) instruction { return instruction{Op: loadXCell, K: uint32(cell - 1)} }

// An emitter writes a program from its end to its start: so each jump knows
// how far it goes. A place is counted from the end.
type emitter struct {
	program []instruction
	limit   int
	full    bool
}

// emit makes the program of a test. It is not ok where that is longer than
// limit.
func emit(prologue []instruction, root *test, snaplen uint32, limit int) (Program, bool) {
	e := &emitter{limit: limit}
	no := e.put(instruction{Op: giveBack})
	yes := e.put(instruction{Op: giveBack, K: snaplen})
	e.from(e.test(root, yes, no))
	e.code(prologue)
	if e.full {
		return nil, false
	}
	slices.Reverse(e.program)
	return e.program, true
}

// put writes an instruction before all others, and gives its place.
func (e *emitter) put(i instruction) int {
	if len(e.program) >= e.limit {
		e.full = true
		return len(e.program) - 1
	}
	e.program = append(e.program, i)
	return len(e.program) - 1
}

func (e *emitter) code(list []instruction) {
	for _, i := range slices.Backward(list) {
		e.put(i)
	}
}

// from makes what is written next go on at a place, and gives where it does.
func (e *emitter) from(place int) int {
	if n := len(e.program) - 1 - place; n > 0 {
		return e.put(instruction{Op: jumpAlways, K: uint32(n)})
	}
	return place
}

// far is the longest conditional jump, less the instructions that may come
// between.
const far = 255 - 2

// test writes a test that goes on at one of two places, and gives where it
// begins.
func (e *emitter) test(t *test, yes, no int) int {
	switch t.op {
	case opAnd:
		return e.test(t.a, e.test(t.b, yes, no), no)
	case opOr:
		return e.test(t.a, yes, e.test(t.b, yes, no))
	case opNot:
		return e.test(t.a, no, yes)
	case opNever:
		return no
	case opDone:
		if len(t.code) == 0 {
			return yes
		}
		e.from(yes)
		e.code(t.code)
		return len(e.program) - 1
	}
	if len(e.program)-yes > far {
		yes = e.from(yes)
	}
	if len(e.program)-no > far {
		no = e.from(no)
	}
	n := len(e.program)
	e.put(instruction{Op: t.jump, K: t.k, Jt: uint8(n - yes - 1), Jf: uint8(n - no - 1)})
	e.code(t.code)
	return len(e.program) - 1
}
