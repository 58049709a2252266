package filter

import "encoding/binary"

// A Program is classic BPF: what [Filter.Compile] makes, and kernels take.
type Program []instruction

// Match runs a program for a file on a packet: what the capture holds of it,
// and its length on the wire. A program that reads behind the end says no, and
// one that divides by zero.
func (p Program) Match(packet []byte, wire int) bool {
	var a, x uint32
	var memory [cells]uint32
	ok := true
	for pc := 0; pc < len(p) && ok; pc++ {
		in := &p[pc]
		switch in.Op {
		case loadHalf:
			a, ok = half(packet, uint64(in.K))
		case loadByte:
			a, ok = octet(packet, uint64(in.K))
		case loadWord:
			a, ok = long(packet, uint64(in.K))
		case loadHalf ^ indexed:
			a, ok = half(packet, uint64(in.K)+uint64(x))
		case loadByte ^ indexed:
			a, ok = octet(packet, uint64(in.K)+uint64(x))
		case loadWord ^ indexed:
			a, ok = long(packet, uint64(in.K)+uint64(x))
		case loadXNibble:
			x, ok = octet(packet, uint64(in.K))
			x = x & 0xf * 4
		case jumpEqual:
			pc += pick(in, a == in.K)
		case jumpGreater:
			pc += pick(in, a > in.K)
		case jumpNotLess:
			pc += pick(in, a >= in.K)
		case jumpBits:
			pc += pick(in, a&in.K != 0)
		case jumpEqualX, jumpGreater | withX, jumpNotLess | withX:
			pc += pick(in, a == x && in.Op != jumpGreater|withX || a > x && in.Op != jumpEqualX)
		case jumpAlways:
			pc += int(in.K)
		case giveBack:
			return in.K != 0
		case loadNumber:
			a = in.K
		case loadLength:
			a = uint32(wire)
		case loadCell:
			a = memory[in.K%cells]
		case loadXCell:
			x = memory[in.K%cells]
		case storeA:
			memory[in.K%cells] = a
		case storeX:
			memory[in.K%cells] = x
		case toX:
			x = a
		case fromX:
			a = x
		default:
			a, ok = calculate(in, a, x)
		}
	}
	return false
}

// pick is how many instructions a jump leaves out.
func pick(in *instruction, yes bool) int {
	if yes {
		return int(in.Jt)
	}
	return int(in.Jf)
}

// calculate does arithmetic on a.
func calculate(in *instruction, a, x uint32) (uint32, bool) {
	k := in.K
	if in.Op&withX != 0 {
		k = x
	}
	switch in.Op &^ withX {
	case add:
		return a + k, true
	case subtract:
		return a - k, true
	case multiply:
		return a * k, true
	case divide, remainder:
		switch {
		case k == 0:
			return 0, false
		case in.Op&^withX == divide:
			return a / k, true
		}
		return a % k, true
	case bitAnd:
		return a & k, true
	case bitOr:
		return a | k, true
	case bitXor:
		return a ^ k, true
	case shiftLeft:
		return a << k, true
	case shiftRight:
		return a >> k, true
	case negate:
		return -a, true
	}
	return 0, false
}

func octet(b []byte, at uint64) (uint32, bool) {
	if at >= uint64(len(b)) {
		return 0, false
	}
	return uint32(b[at]), true
}

func half(b []byte, at uint64) (uint32, bool) {
	if at+2 > uint64(len(b)) {
		return 0, false
	}
	return uint32(binary.BigEndian.Uint16(b[at:])), true
}

func long(b []byte, at uint64) (uint32, bool) {
	if at+4 > uint64(len(b)) {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[at:]), true
}
