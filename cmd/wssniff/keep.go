package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A keeper writes the packets of the connections that turn out to be of the
// report, from their SYN on. What is not known yet waits, with all packets
// behind it, so that they are written in order; what waits too long waits
// apart, and is written late or not at all.
type keeper struct {
	file  *keepFile
	keys  *tlsdecrypt.Keys
	fates map[int64]fate
	queue []waiting           // in order of capture
	head  int                 // those before it have left the queue
	held  int                 // bytes in queue
	apart map[int64][]waiting // by stream: those that the queue could not wait for
	order []int64             // of apart, the oldest first
	bytes int                 // in apart
	gone  int64               // packets that were let go, undecided

	joined    map[int64]int64 // of a datagram in IP fragments, the stream that it turned out to be of
	passed    int64           // packets that have left the queue
	forgotten []forgotten
	done      int // of forgotten

	patience time.Duration // how long the queue waits for what is not decided; 0 is for ever
	now      capture.Time
}

// A forgotten stream has no packets behind a place in the queue: once that has
// passed, nobody asks for its fate.
type forgotten struct{ stream, place int64 }

// A fate says what becomes of the packets of a connection.
type fate uint8

const (
	undecided fate = iota
	wanted
	unwanted
)

type waiting struct {
	stream int64
	packet capture.Packet
}

// What may wait, in bytes.
const (
	maxQueue = 16 << 20
	maxApart = 64 << 20
	patience = 10 * time.Second // in live capture: what is in the file survives a kill
	overhead = 128              // of one packet
)

func newKeeper(file *keepFile, keys *tlsdecrypt.Keys) *keeper {
	return &keeper{file: file, keys: keys, fates: make(map[int64]fate), apart: make(map[int64][]waiting), joined: make(map[int64]int64)}
}

// Packet implements session.Keeper.
func (k *keeper) Packet(stream int64, p *capture.Packet) {
	stream = k.whole(stream)
	f := k.fates[stream]
	k.now = p.Time
	switch {
	case f == unwanted:
	case f == wanted && k.head == len(k.queue):
		k.file.write(p)
	default:
		if f == undecided {
			k.fates[stream] = undecided
		}
		w := waiting{stream, *p}
		w.packet.Data = bytes.Clone(p.Data)
		k.queue = append(k.queue, w)
		k.held += overhead + len(p.Data)
		k.advance()
	}
}

// whole gives the stream that a datagram in IP fragments is of, as far as it is known.
func (k *keeper) whole(stream int64) int64 {
	for stream < 0 {
		of, ok := k.joined[stream]
		if !ok {
			break
		}
		stream = of
	}
	return stream
}

// Join implements session.Keeper.
func (k *keeper) Join(part, stream int64) {
	stream = k.whole(stream)
	delete(k.fates, part)
	k.joined[part] = stream
	for _, w := range k.take(part) {
		switch k.fates[stream] {
		case wanted:
			k.file.write(&w.packet)
		case undecided:
			w.stream = stream
			k.aside(w)
		}
	}
	k.advance()
}

// Keep implements session.Keeper.
func (k *keeper) Keep(stream int64, tls *tlsdecrypt.Facts) {
	if k.fates[stream] == wanted {
		return
	}
	k.fates[stream] = wanted
	if tls != nil && k.keys != nil {
		k.file.secret(stream, k.keys.Lines(tls.Random))
	}
	for _, w := range k.take(stream) {
		k.file.write(&w.packet)
	}
	k.advance()
}

// Drop implements session.Keeper.
func (k *keeper) Drop(stream int64) {
	if k.fates[stream] == wanted {
		return
	}
	k.fates[stream] = unwanted
	k.take(stream)
	k.advance()
}

// Forget implements session.Keeper.
func (k *keeper) Forget(stream int64) {
	if _, joined := k.joined[stream]; !joined && k.fates[stream] != wanted {
		k.Drop(stream)
	}
	k.file.forget(stream)
	k.forgotten = append(k.forgotten, forgotten{stream, k.passed + int64(len(k.queue)-k.head)})
	k.advance()
}

// flush writes what is decided, since nothing comes right now.
func (k *keeper) flush() {
	if k != nil {
		k.file.flush()
	}
}

// take gives what waits apart for a connection, which does not wait any more.
func (k *keeper) take(stream int64) []waiting {
	list := k.apart[stream]
	if list == nil {
		return nil
	}
	delete(k.apart, stream)
	k.order = slices.DeleteFunc(k.order, func(s int64) bool { return s == stream })
	for i := range list {
		k.bytes -= overhead + len(list[i].packet.Data)
	}
	return list
}

// advance writes what waits at the head of the queue and is decided. Where the
// queue is too long, what is not decided has to wait apart.
func (k *keeper) advance() {
	for ; k.head < len(k.queue); k.head++ {
		w := &k.queue[k.head]
		w.stream = k.whole(w.stream)
		f := k.fates[w.stream]
		late := k.patience > 0 && k.now.Sub(w.packet.Time) > k.patience
		if f == undecided && k.held <= maxQueue && !late {
			break
		}
		k.held -= overhead + len(w.packet.Data)
		switch f {
		case wanted:
			k.file.write(&w.packet)
		case undecided:
			k.aside(*w)
		}
		*w = waiting{}
		k.passed++
	}
	if k.head > len(k.queue)/2 {
		k.queue, k.head = slices.Delete(k.queue, 0, k.head), 0
	}
	for ; k.done < len(k.forgotten) && k.forgotten[k.done].place <= k.passed; k.done++ {
		delete(k.fates, k.forgotten[k.done].stream)
		delete(k.joined, k.forgotten[k.done].stream)
	}
	if k.done > len(k.forgotten)/2 {
		k.forgotten, k.done = slices.Delete(k.forgotten, 0, k.done), 0
	}
}

func (k *keeper) aside(w waiting) {
	if k.apart[w.stream] == nil {
		k.order = append(k.order, w.stream)
	}
	k.apart[w.stream] = append(k.apart[w.stream], w)
	k.bytes += overhead + len(w.packet.Data)
	for k.bytes > maxApart {
		oldest := k.order[0]
		k.gone += int64(len(k.take(oldest)))
	}
}

// describe says what was kept.
func (k *keeper) describe(w io.Writer, name string) {
	if k != nil {
		fmt.Fprintf(w, "wssniff: %s: %d packets kept; %d let go before it was known what they are\n", name, k.file.packets, k.gone)
	}
}

// finish writes what is decided by the end.
func (k *keeper) finish() error {
	if k == nil {
		return nil
	}
	for i := k.head; i < len(k.queue); i++ {
		if w := &k.queue[i]; k.fates[k.whole(w.stream)] == wanted {
			k.file.write(&w.packet)
		}
	}
	k.queue = nil
	return k.file.close()
}
