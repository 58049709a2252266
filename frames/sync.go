package frames

import (
	"iter"
	"math/bits"
)

// A Finder looks for the place in one direction of a byte stream where a
// frame begins, in bytes that begin anywhere: behind a loss that went over a
// header ([Parser.Lose]), or where the capture of a connection begins in its
// middle, of which it is not even known that it carries frames.
//
//	bytes ──Finder.Feed──▶ Found ──Runs──▶ Parser.Resync, Parser.Pieces
//
// Every place where a header can be is the beginning of a chain: the header
// tells where the next one must be, if it is one. Chains that come to the
// same place become one. What is improbable in a payload speaks for a chain
// (syncweigh.go), and a place is found once so much speaks for the chain up
// to it that chance does not explain it, over all the places looked at:
//
//	lost │ payload        H───────────▶H──▶H──▶H─────▶H──▶ …
//	     │      h──────▶×                  │
//	     │         h─────────▶×            found: all bytes from here on are held
//
// But a payload may hold frames, one behind the other, as they were sent
// somewhere else. Where payloads are not masked, a place is found only if no
// payload that began earlier can reach over it: either because it would be
// larger than what the endpoint sends, or because frame after frame of the
// chain begins at a border between chunks.
//
// The zero value knows nothing. Once the place is found, or the search is
// given up, Reset makes the Finder ready for another one.
type Finder struct {
	// Habit is what is known of the direction.
	Habit Habit
	// Certainty is how many bits have to speak for the place that is found,
	// beside those that make up for the number of places looked at: it is
	// none with a probability of 2^-Certainty in random bytes. 0 means 40.
	Certainty int
	// MaxHeld is how many bytes are held at most; 0 means 256 KiB. Of those
	// that do not fit the earliest go, and a later frame is the first one.
	MaxHeld int
	// GiveUp is after how many bytes in which next to nothing speaks for
	// frames the search is hopeless; 0 means 256 KiB.
	GiveUp int64

	chains []chain // a heap: the one whose next header is nearest comes first
	hand   int     // which chain is looked at next if one has to go
	crowd  int64   // how far the chains may have reached that had to go

	// Offsets count from the first byte of the search, lost ones included.
	//
	//	held ── pos ── not looked at ── end
	end   int64
	pos   int64
	floor int64 // behind the last loss
	ripe  int64 // up to where there is reason for hope

	buf  []byte // the captured bytes that are held, up to end
	runs []Run  // the same; Data is set when they are given
	at   int    // the run that pos is in
	last int    // bytes of the chunk before, 0 behind a loss
	full int    // bytes of the largest chunk
	ends uint32 // how many chunks were shorter than that: something written ended with them

	found  int64 // 0, or one more than the offset that was found
	masked bool

	clear [textSeen + tailWhole]byte // a payload, unmasked
}

// A Run is a part of the byte stream as it was fed, or what was left of it.
type Run struct {
	Offset int64  // from the first byte of the search
	Data   []byte // captured bytes, lent until the next call of a method
	Lost   int64  // or how many were lost
	Packet int64  // as told to Feed or Lose
	Time   int64

	size   int64 // of Data
	begun  int64 // where the chunk began of which it is what was left
	border int   // bytes of that chunk or of the one before, whichever is the shorter
	ends   uint32
	fresh  bool // the chunk before it is one of ends
}

const (
	defaultCertainty = 40
	defaultMaxHeld   = 256 << 10
	defaultGiveUp    = 256 << 10
	minHeld          = 32 << 10
	leastFull        = 1200 // bytes of the smallest chunk that may be of something larger

	maxStep = 16 << 10             // bytes that are taken in at once
	ahead   = MaxHeader + textSeen // that are looked at from a header on
	runSize = 96                   // bytes that a Run costs
)

// Feed takes the next chunk of the direction and reports whether the
// beginning of a frame is found. The borders between chunks are looked at:
// they should be those of the TCP segments. Packet and time are given back by
// Runs and mean nothing here. b is copied as far as it is needed. What is fed
// once the place is found is only held: better feed it to the Parser, behind
// the Runs.
func (f *Finder) Feed(b []byte, packet, time int64) (found bool) {
	if len(b) == 0 {
		return f.Found()
	}
	f.begin(len(b), packet, time)
	if f.found > 0 {
		f.take(b)
		return true
	}
	for len(b) > 0 {
		n := min(len(b), maxStep)
		f.extend(b[:n])
		b = b[n:]
	}
	f.finish()
	return f.Found()
}

// begin begins a chunk of so many bytes.
func (f *Finder) begin(size int, packet, time int64) {
	r := Run{Offset: f.end, Packet: packet, Time: time, begun: f.end, border: size}
	if f.last > 0 {
		r.border = min(size, f.last)
		if r.fresh = f.last < max(f.full, leastFull); r.fresh {
			f.ends++
		}
	}
	r.ends = f.ends
	f.last, f.full = size, max(f.full, size)
	f.runs = append(f.runs, r)
}

// extend takes the next bytes of a chunk.
func (f *Finder) extend(b []byte) {
	f.take(b)
	f.scan(f.end - ahead)
	f.trim()
}

// take holds the next bytes of a chunk.
func (f *Finder) take(b []byte) {
	f.buf = append(f.buf, b...)
	f.runs[len(f.runs)-1].size += int64(len(b))
	f.end += int64(len(b))
}

// finish looks at what there is of the chunk up to its end.
func (f *Finder) finish() {
	f.scan(f.end)
	f.decide()
	f.trim()
}

// Lose tells that the capture lost the next n bytes. Only chains that have
// their next header behind them go on.
func (f *Finder) Lose(n, packet, time int64) {
	if n <= 0 {
		return
	}
	f.runs = append(f.runs, Run{Offset: f.end, Lost: n, Packet: packet, Time: time, begun: -1, ends: f.ends})
	f.end += n
	if f.found > 0 {
		return
	}
	f.pos, f.floor, f.last = f.end, f.end, 0
	f.keep(func(c *chain) bool { return c.next >= f.end })
	f.trim()
}

// Found reports whether it is known where a frame begins: where the bytes
// that Runs gives begin.
func (f *Finder) Found() bool { return f.found > 0 }

// Skipped is how many bytes were fed and lost that Runs does not give: those
// before the frame that was found, or all if none was.
func (f *Finder) Skipped() int64 {
	if f.found > 0 {
		return f.found - 1
	}
	return f.end
}

// Masked reports whether the frames found are masked (RFC 6455 §5.1).
func (f *Finder) Masked() bool { return f.masked }

// Offset is the number of bytes since the search began, lost ones included.
func (f *Finder) Offset() int64 { return f.end }

// Runs yields what is held from the frame on that was found: captured bytes,
// and losses in payloads between them. It yields nothing if none was found.
func (f *Finder) Runs() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		if f.found == 0 {
			return
		}
		b := f.buf
		for _, r := range f.runs {
			r.Data, b = b[:r.size:r.size], b[r.size:]
			if skip := f.found - 1 - r.Offset; skip > 0 {
				if skip >= r.size {
					continue // a loss before the frame that was found is skipped, too
				}
				r.Data = r.Data[skip:]
				r.Offset += skip
			}
			if !yield(r) {
				return
			}
		}
	}
}

// Held is the memory of the search in bytes.
func (f *Finder) Held() int {
	return cap(f.buf) + cap(f.runs)*runSize + cap(f.chains)*chainSize
}

// Reset ends the search, and makes ready for another one with what is known
// of the direction. Small memory is kept; Release gives all of it back.
func (f *Finder) Reset(known Habit) {
	*f = Finder{
		Habit: known, Certainty: f.Certainty, MaxHeld: f.MaxHeld, GiveUp: f.GiveUp,
		buf: f.buf[:0], runs: f.runs[:0], chains: f.chains[:0],
	}
}

// Release gives back the memory of a Finder that was reset.
func (f *Finder) Release() { f.buf, f.runs, f.chains = nil, nil, nil }

// Assume tells whether the frames of the direction are masked, if there are
// any: once it was found how those of the other direction are. Less is needed
// to find them then.
func (f *Finder) Assume(masked bool) {
	f.Habit.Mask = MaskClear
	if masked {
		f.Habit.Mask = MaskSet
	}
	f.keep(func(c *chain) bool { return c.masked == masked })
}

// Score is how much speaks for frames in the direction, in bits: how far the
// best chain is above what the number of places looked at explains, at least
// 0. masked says whether it is one of masked frames. One direction is to be
// believed from 40 bits on, which Found demands and more: that no payload
// explains the chain. Where both were captured and one was found, the other
// one can be believed from 20 on, if it is masked where that one is not.
func (f *Finder) Score() (bitsFor int, masked bool) {
	best := 0
	for i := range f.chains {
		if c := &f.chains[i]; int(c.score) > best {
			best, masked = int(c.score), c.masked
		}
	}
	return max(0, best-f.places(f.end)), masked
}

// places is how many bits make up for the number of places before an offset.
func (f *Finder) places(offset int64) int { return bits.Len64(uint64(offset)) }

// Hopeless reports whether enough was seen to say that there are no frames
// here, or none that can be found: nothing spoke for any in the last bytes.
func (f *Finder) Hopeless() bool {
	giveUp := f.GiveUp
	if giveUp <= 0 {
		giveUp = defaultGiveUp
	}
	return f.found == 0 && f.end-f.ripe >= giveUp
}

// trim lets go of the bytes that no frame that may be found needs.
func (f *Finder) trim() {
	limit := f.MaxHeld
	if limit <= 0 {
		limit = defaultMaxHeld
	}
	for limit = max(limit, minHeld); ; {
		first := f.firstHead()
		f.release(min(first, f.pos-1)) // the byte before a header is looked at
		if first > f.end || f.found > 0 || len(f.buf)+len(f.runs)*runSize <= limit {
			return
		}
		for i := range f.chains {
			c := &f.chains[i]
			if c.head == first {
				c.head = -1
			}
			if c.from == first {
				c.from = -1
			}
		}
	}
}

// firstHead is the first byte that has to be held for a frame.
func (f *Finder) firstHead() int64 {
	if f.found > 0 {
		return f.found - 1
	}
	first := f.end + 1
	for i := range f.chains {
		c := &f.chains[i]
		if c.head >= 0 {
			first = min(first, c.head)
		}
		if f.hold(c) {
			first = min(first, c.from)
		}
	}
	return first
}

// release lets go of all before an offset.
func (f *Finder) release(from int64) {
	gone, bytes := 0, int64(0)
	for gone < len(f.runs) {
		r := &f.runs[gone]
		if behind := r.Offset + r.size + r.Lost; behind > from || behind == r.Offset {
			if n := from - r.Offset; n > 0 && r.Lost == 0 {
				r.Offset += n
				r.size -= n
				bytes += n
			}
			break
		}
		bytes += r.size
		gone++
	}
	if bytes > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[bytes:])]
	}
	if gone > 0 {
		f.runs = f.runs[:copy(f.runs, f.runs[gone:])]
		f.at = max(0, f.at-gone)
	}
}
