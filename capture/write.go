package capture

import (
	"encoding/binary"
	"io"
)

// A Writer writes packets as pcapng: one section, little-endian, an interface
// for each link type, times in nanoseconds.
type Writer struct {
	w     io.Writer
	links []LinkType // of the interfaces described so far
	begun bool
	b     []byte // the blocks being put together
}

// NewWriter gives a Writer to w. Each packet is one Write of w, so w is best
// buffered.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes p. Its number is not kept: it is the place in the file.
func (w *Writer) Write(p *Packet) error {
	w.begin()
	id := -1
	for i, link := range w.links {
		if link == p.LinkType {
			id = i
			break
		}
	}
	if id < 0 {
		id = len(w.links)
		w.links = append(w.links, p.LinkType)
		w.describe(p.LinkType)
	}
	if p.Time == NoTime && id == 0 && p.Length == len(p.Data) {
		start := w.open(3)
		w.uint32(uint32(p.Length))
		w.b = append(w.b, p.Data...)
		w.close(start)
		return w.Flush()
	}
	start := w.open(enhancedPacket)
	stamp := uint64(max(p.Time, 0))
	w.uint32(uint32(id))
	w.uint32(uint32(stamp >> 32))
	w.uint32(uint32(stamp))
	w.uint32(uint32(len(p.Data)))
	w.uint32(uint32(max(p.Length, len(p.Data))))
	w.b = append(w.b, p.Data...)
	w.close(start)
	return w.Flush()
}

// WriteSecret writes a decryption secrets block. It counts for the packets
// behind it.
func (w *Writer) WriteSecret(s Secret) error {
	w.begin()
	start := w.open(10)
	w.uint32(s.Type)
	w.uint32(uint32(len(s.Data)))
	w.b = append(w.b, s.Data...)
	w.close(start)
	return w.Flush()
}

// Flush hands what was put together to the io.Writer. Called before any
// packet, it makes a capture without one.
func (w *Writer) Flush() error {
	w.begin()
	if len(w.b) == 0 {
		return nil
	}
	_, err := w.w.Write(w.b)
	w.b = w.b[:0]
	return err
}

func (w *Writer) begin() {
	if w.begun {
		return
	}
	w.begun = true
	start := w.open(sectionHeader)
	w.uint32(0x1a2b3c4d)
	w.uint32(1)          // version 1.0
	w.uint32(0xffffffff) // the section's length
	w.uint32(0xffffffff) // is not told
	w.close(start)
}

func (w *Writer) describe(link LinkType) {
	start := w.open(1)
	w.uint32(uint32(link))
	w.uint32(0)                   // no snapshot length
	w.uint32(9 | 1<<16)           // if_tsresol, one byte:
	w.b = append(w.b, 9, 0, 0, 0) // 10⁻⁹ s
	w.b = append(w.b, 0, 0, 0, 0) // end of options
	w.close(start)
}

func (w *Writer) uint32(v uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, v) }

// open begins a block, and close ends it once its body is there.
func (w *Writer) open(kind uint32) (start int) {
	start = len(w.b)
	w.uint32(kind)
	w.uint32(0)
	return start
}

func (w *Writer) close(start int) {
	for (len(w.b)-start)%4 != 0 {
		w.b = append(w.b, 0)
	}
	total := uint32(len(w.b) - start + 4)
	w.uint32(total)
	binary.LittleEndian.PutUint32(w.b[start+4:], total)
}
