package casetest

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/wssniff/wssniff/capture"
)

// WriteFile writes packets as a pcapng file with one interface per link type,
// for tests that need a file and for looking at a case with other programs.
func WriteFile(w io.Writer, packets []capture.Packet) error {
	var b []byte
	b = appendBlock(b, 0x0a0d0d0a, []byte{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255})
	var interfaces []capture.LinkType
	for i := range packets {
		pkt := &packets[i]
		id := slices.Index(interfaces, pkt.LinkType)
		if id < 0 {
			id = len(interfaces)
			interfaces = append(interfaces, pkt.LinkType)
			body := binary.LittleEndian.AppendUint32(nil, uint32(pkt.LinkType))
			body = append(body, 0, 0, 4, 0)             // snaplen: 262144
			body = append(body, 9, 0, 1, 0, 9, 0, 0, 0) // if_tsresol: nanoseconds
			b = appendBlock(b, 1, append(body, 0, 0, 0, 0))
		}
		body := binary.LittleEndian.AppendUint32(nil, uint32(id))
		body = binary.LittleEndian.AppendUint32(body, uint32(uint64(pkt.Time)>>32))
		body = binary.LittleEndian.AppendUint32(body, uint32(pkt.Time))
		body = binary.LittleEndian.AppendUint32(body, uint32(len(pkt.Data)))
		body = binary.LittleEndian.AppendUint32(body, uint32(pkt.Length))
		body = append(body, pkt.Data...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		b = appendBlock(b, 6, body)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("casetest: %w", err)
	}
	return nil
}

// appendBlock writes a pcapng block: type, length, body, length.
func appendBlock(b []byte, kind uint32, body []byte) []byte {
	length := uint32(12 + len(body))
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint32(b, length)
	b = append(b, body...)
	return binary.LittleEndian.AppendUint32(b, length)
}
