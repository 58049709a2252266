package frames

// An Opcode is a frame's 4-bit kind (RFC 6455 §5.2, §11.8).
type Opcode uint8

// The opcodes of RFC 6455 §11.8.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// The opcodes by number. Those without a section of their own are reserved
// by RFC 6455 §5.2: 3 to 7 for data frames, 11 to 15 for control frames.
var opcodes = [16]struct {
	name    string
	section string // of RFC 6455
}{
	{"continuation", "§5.4"},
	{"text", "§5.6"},
	{"binary", "§5.6"},
	{"reserved-3", ""},
	{"reserved-4", ""},
	{"reserved-5", ""},
	{"reserved-6", ""},
	{"reserved-7", ""},
	{"close", "§5.5.1"},
	{"ping", "§5.5.2"},
	{"pong", "§5.5.3"},
	{"reserved-11", ""},
	{"reserved-12", ""},
	{"reserved-13", ""},
	{"reserved-14", ""},
	{"reserved-15", ""},
}

// String is the opcode's name: continuation, text, binary, close, ping, pong,
// or reserved-N.
func (op Opcode) String() string { return opcodes[op&opcodeLow].name }

// Section is where RFC 6455 describes the opcode, like "RFC 6455 §5.5.2".
func (op Opcode) Section() string {
	if op.IsReserved() {
		return "RFC 6455 §5.2"
	}
	return "RFC 6455 " + opcodes[op&opcodeLow].section
}

// IsControl reports whether the top bit of the opcode is set, which makes it
// a control frame's (RFC 6455 §5.5), reserved or not.
func (op Opcode) IsControl() bool { return op&0x8 != 0 }

// IsData reports whether it is the opcode of a data frame (RFC 6455 §5.6): a
// continuation, text, binary or a reserved one below 8.
func (op Opcode) IsData() bool { return op&0x8 == 0 }

// IsReserved reports whether RFC 6455 §5.2 gives the opcode no meaning.
func (op Opcode) IsReserved() bool { return opcodes[op&opcodeLow].section == "" }
