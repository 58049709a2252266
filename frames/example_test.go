package frames_test

import (
	"fmt"

	"github.com/wssniff/wssniff/frames"
)

// A masked text message in two fragments with a ping between them, as it
// comes from TCP: cut anywhere.
func Example() {
	stream := [][]byte{
		{0x01, 0x83, 0x37, 0xfa},
		{0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x89, 0x80, 1, 2, 3, 4},
		{0x80, 0x82, 0x37, 0xfa, 0x21, 0x3d, 0x5b, 0x95},
	}
	var parser frames.Parser
	assembler := frames.Assembler{Keep: 256}
	for _, b := range stream {
		for piece := range parser.Pieces(b) {
			if piece.First {
				fmt.Println(piece.Header.Opcode, piece.Header.PayloadLength)
			}
			if m := assembler.Add(piece); m != nil {
				fmt.Printf("message in %d frames: %s\n", m.Frames, m.Data)
			}
		}
	}
	// Output:
	// text 3
	// ping 0
	// continuation 2
	// message in 2 frames: Hello
}

// Bytes that the capture lost inside a payload do not hide the frames behind it.
func ExampleParser_Lose() {
	var parser frames.Parser
	show := func(p *frames.Piece) {
		fmt.Printf("%v at %d: lost %d, %q\n", p.Header.Opcode, p.Offset, p.Lost, p.Data(-1))
	}
	for p := range parser.Pieces([]byte("\x81\x05He")) {
		show(p)
	}
	for p := range parser.Lose(2) {
		show(p)
	}
	for p := range parser.Pieces([]byte("o\x81\x04next")) {
		show(p)
	}
	// Output:
	// text at 0: lost 0, "He"
	// text at 2: lost 2, ""
	// text at 4: lost 0, "o"
	// text at 0: lost 0, "next"
}

// The second message of RFC 7692 §7.2.3.2 refers to the first.
func ExampleDeflate() {
	var parser frames.Parser
	assembler := frames.Assembler{Keep: -1, Deflate: &frames.Deflate{}}
	stream := "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00" + "\xc1\x05\xf2\x00\x11\x00\x00"
	for piece := range parser.Pieces([]byte(stream)) {
		if m := assembler.Add(piece); m != nil {
			fmt.Printf("%d bytes inflate to %d: %s\n", m.WireLength, m.Length, m.Data)
		}
	}
	// Output:
	// 7 bytes inflate to 5: Hello
	// 5 bytes inflate to 5: Hello
}

func ExampleDecodeHeader() {
	h, n := frames.DecodeHeader([]byte{0x89, 0xfe, 0x00, 0x04, 1, 2, 3, 4})
	fmt.Println(n, h.Opcode, h.PayloadLength, h.Masked, h.Minimal())
	// Output: 8 ping 4 true false
}

func ExampleDecodeClose() {
	body := frames.DecodeClose([]byte("\x03\xe9bye"))
	fmt.Println(body.Code, body.Reason, body.Code.Sendable())
	fmt.Println(frames.AbnormalClosure, frames.AbnormalClosure.Sendable())
	// Output:
	// 1001 Going Away bye true
	// 1006 Abnormal Closure false
}
