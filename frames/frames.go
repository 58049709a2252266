// Package frames cuts a byte stream into WebSocket frames (RFC 6455 §5.2),
// unmasks them (§5.3), joins them into messages (§5.4) and inflates those
// (RFC 7692).
//
//	bytes ──Parser.Pieces──▶ Piece ──Assembler.Add──▶ Message
//
// Nothing here knows what is right or wrong: bytes are followed as long as
// they can be, and every bit of a header is kept. A direction of a connection
// has a [Parser] and an [Assembler] of its own; what costs memory can be
// shared by all that run in one goroutine ([Scratch], [Inflater]).
package frames

import "iter"

// maxPiece is how much of a masked payload one piece holds, in bytes: it and
// its unmasked copy fit the first-level cache of a processor together.
const maxPiece = 16 << 10

// A Parser cuts one direction of a WebSocket connection into frames. It is
// fed the byte stream in order with Pieces and, where the capture lost bytes,
// Lose. It holds at most a cut header: payloads pass by. The zero value
// expects the first byte of a frame.
type Parser struct {
	// Scratch is the memory that pieces are lent from. Parsers that run in
	// one goroutine, one loop at a time, may share one; nil means its own.
	Scratch *Scratch

	offset    int64
	begun     int64  // offset of the last frame's header
	got, lost uint64 // payload bytes of the open frame: gone by, not captured of them
	header    Header // of the open frame
	open      bool   // a header was decoded and its payload is not over
	outOfStep bool   // where the next frame begins is not known
	cutLen    uint8
	cut       [MaxHeader]byte // a header that ended with the bytes so far
}

// A Piece is a frame, or as much of one as there was. It is lent until the
// loop turns. A small frame is one piece, First and Last at once. A piece has
// payload bytes, or lost ones, or neither, never both.
type Piece struct {
	Header Header
	First  bool   // the header ended here: no piece of this frame came before
	Last   bool   // the frame ends with this piece, or its end was lost
	Offset uint64 // of the piece in the frame's payload
	Lost   uint64 // payload bytes from Offset on that the capture lost
	Raw    []byte // payload bytes as on the wire, masked where Header.Masked

	scratch  *Scratch
	unmasked int  // the first so many bytes of Raw are in scratch.buf
	ascii    bool // all of them are ASCII
}

// Pieces yields the frames in b, or as much of them as b holds: at once, with
// nothing held back but a header that is cut. A piece and its Data are good
// until the loop turns. A loop that is left early leaves the bytes behind its
// last piece unread; Offset says how far it came. While the parser is out of
// step it takes all bytes and yields nothing.
func (p *Parser) Pieces(b []byte) iter.Seq[*Piece] {
	return func(yield func(*Piece) bool) {
		for b := b; len(b) > 0; {
			piece, n := p.next(b)
			p.offset += int64(n)
			if piece != nil && !yield(piece) {
				return
			}
			b = b[n:]
		}
	}
}

// next takes the next piece off b, which is not empty, and says how many
// bytes it had. The piece is nil where b ends inside a header.
func (p *Parser) next(b []byte) (*Piece, int) {
	if p.outOfStep {
		return nil, len(b)
	}
	n, first := 0, false
	if !p.open {
		if n, first = p.takeHeader(b); !first {
			return nil, n
		}
	}
	left := p.header.PayloadLength - p.got
	raw := b[n:]
	if uint64(len(raw)) > left {
		raw = raw[:left]
	}
	if p.header.Masked && len(raw) > maxPiece {
		raw = raw[:maxPiece]
	}
	piece := p.piece()
	piece.First = first
	piece.Last = uint64(len(raw)) == left
	piece.Raw = raw
	p.got += uint64(len(raw))
	p.open = !piece.Last
	return piece, n + len(raw)
}

// takeHeader takes a header off b, or off what earlier calls left of one and
// b. It says how many bytes of b it took, and whether the header is complete.
func (p *Parser) takeHeader(b []byte) (n int, ok bool) {
	var h Header
	if p.cutLen == 0 {
		h, n = DecodeHeader(b)
	} else {
		had := int(p.cutLen)
		have := had + copy(p.cut[had:], b)
		if h, n = DecodeHeader(p.cut[:have]); n > 0 {
			n -= had
		}
	}
	if n == 0 {
		p.cutLen += uint8(copy(p.cut[p.cutLen:], b))
		return len(b), false
	}
	p.header = h
	p.begun = p.offset + int64(n-h.Len())
	p.cutLen, p.got, p.lost = 0, 0, 0
	p.open = true
	return n, true
}

// piece prepares the piece that comes next in the open frame.
func (p *Parser) piece() *Piece {
	if p.Scratch == nil {
		p.Scratch = new(Scratch)
	}
	s := p.Scratch
	s.piece = Piece{Header: p.header, Offset: p.got, scratch: s, ascii: true}
	return &s.piece
}

// Lose tells the parser that the capture lost the next n bytes. Inside a
// payload nothing is lost but payload: a piece with Lost set is yielded, and
// the masking phase and all later frames stay right. Where the loss reaches
// over the end of the frame, the frame ends with a Last piece that counts its
// own missing bytes, and the parser is out of step; so it is, without a
// piece, where the loss begins in a header or between two frames.
func (p *Parser) Lose(n int64) iter.Seq[*Piece] {
	return func(yield func(*Piece) bool) {
		if piece := p.lose(n); piece != nil {
			yield(piece)
		}
	}
}

func (p *Parser) lose(n int64) *Piece {
	if n <= 0 {
		return nil
	}
	p.offset += n
	if !p.open {
		p.outOfStep = true
		p.cutLen = 0
		return nil
	}
	left := p.header.PayloadLength - p.got
	lost := min(uint64(n), left)
	piece := p.piece()
	piece.Lost = lost
	piece.Last = lost == left
	p.got += lost
	p.lost += lost
	p.open = !piece.Last
	p.outOfStep = uint64(n) > left
	return piece
}

// Synced reports whether the parser knows where the next frame begins. Only
// Lose can end that, and only Resync restore it.
func (p *Parser) Synced() bool { return !p.outOfStep }

// Desync tells the parser that it is not known where the next frame begins.
func (p *Parser) Desync() {
	p.Resync()
	p.outOfStep = true
}

// Resync tells the parser that the next byte it is fed is the first of a
// frame. An unfinished frame is dropped without a further piece.
func (p *Parser) Resync() {
	p.outOfStep = false
	p.open = false
	p.cutLen = 0
}

// Offset is the number of bytes of the stream that the parser has taken,
// lost ones included.
func (p *Parser) Offset() int64 { return p.offset }

// FrameOffset is the place in the stream of the first header byte of the
// frame whose piece was yielded last.
func (p *Parser) FrameOffset() int64 { return p.begun }

// Pending is the frame that is not finished: its header, how many of its
// payload bytes have gone by, lost ones included, and how many of those were
// lost. ok is false if there is none.
func (p *Parser) Pending() (h Header, got, lost uint64, ok bool) {
	if !p.open {
		return Header{}, 0, 0, false
	}
	return p.header, p.got, p.lost, true
}

// PendingHeader is how many bytes there are of a header that is not complete,
// 0 to 13.
func (p *Parser) PendingHeader() int { return int(p.cutLen) }

// Data is the first n bytes of the piece's payload, or all that there are if
// it has less or n is negative, unmasked (RFC 6455 §5.3). It is lent until the
// loop turns and must not be modified: of a frame that is not masked it is
// the captured bytes themselves. Only what is asked for is unmasked.
func (p *Piece) Data(n int) []byte {
	raw := p.Raw
	if n >= 0 && n < len(raw) {
		raw = raw[:n]
	}
	if !p.Header.Masked || len(raw) == 0 {
		return raw
	}
	s := p.scratch
	if done := p.unmasked; done < len(raw) {
		s.grow(len(raw), done)
		ascii := unmask(s.buf[done:], raw[done:], p.Header.MaskingKey, p.Offset+uint64(done))
		p.ascii = p.ascii && ascii
		p.unmasked = len(raw)
	}
	return s.buf[:len(raw):len(raw)]
}
