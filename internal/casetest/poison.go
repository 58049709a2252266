package casetest

import (
	"io"

	"github.com/wssniff/wssniff/capture"
)

// poison is what a packet's bytes become once the next one is read.
const poison = 0xDB

type source struct {
	packets []capture.Packet
}

// Source yields the packets given. Their Data is handed out as it is.
func Source(packets []capture.Packet) capture.Source { return &source{packets} }

func (s *source) Read(p *capture.Packet) error {
	if len(s.packets) == 0 {
		return io.EOF
	}
	*p, s.packets = s.packets[0], s.packets[1:]
	return nil
}

func (s *source) Close() error { return nil }

type poisoned struct {
	src  capture.Source
	lent []byte
}

// Poison yields the packets of src, each in a buffer of its own that is
// overwritten once the next one is read: who keeps what was only lent reads
// 0xDB, not by chance the right bytes.
func Poison(src capture.Source) capture.Source { return &poisoned{src: src} }

func (s *poisoned) Read(p *capture.Packet) error {
	for i := range s.lent {
		s.lent[i] = poison
	}
	s.lent = nil
	if err := s.src.Read(p); err != nil {
		return err
	}
	s.lent = append(make([]byte, 0, len(p.Data)), p.Data...)
	p.Data = s.lent
	return nil
}

func (s *poisoned) Close() error { return s.src.Close() }
