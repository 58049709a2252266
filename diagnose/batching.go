package diagnose

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A batching is what would come of messages of one side if those within some
// time were sent as one: of a stretch of them, behind the first ones.
type batching struct {
	messages, packets int64
	bytes             int64 // payload
	frames            int64 // bytes of their headers
	last              int64 // packet of the last one
	masked            bool  // they are a client's
	since             [len(batchTimes)]capture.Time
	batches           [len(batchTimes)]int64
}

// batchTimes are how long messages would be collected.
var batchTimes = [...]time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond}

const (
	batchedFrom  = 400  // frames of a side before it is begun: tiny-messages speaks of busyMessages and more
	batchedMost  = 1024 // that are looked at
	segmentLeast = 40   // bytes of the headers of IPv4 and TCP
	segmentMost  = 1460
)

// add counts one more message.
func (b *batching) add(e *session.Message) {
	b.messages++
	b.bytes += int64(e.WireLength)
	b.frames += frameHeader(int64(e.WireLength), b.masked)
	if e.Packet != b.last {
		b.packets, b.last = b.packets+1, e.Packet
	}
	for i, d := range batchTimes {
		if b.batches[i] == 0 || e.Time.Sub(b.since[i]) >= d {
			b.batches[i]++
			b.since[i] = e.Time
		}
	}
}

// batch notes a message in the stretch of those that are looked at.
func (s *Side) batch(e *session.Message) {
	switch {
	case s.batching == nil:
		s.batching = &batching{masked: e.Dir == reassembly.FromClient}
		fallthrough
	case s.batching.messages < batchedMost:
		s.batching.add(e)
	}
}

// frameHeader is how many bytes the header of a frame has (RFC 6455 §5.2).
func frameHeader(payload int64, masked bool) int64 {
	n := int64(2)
	switch {
	case payload > 65535:
		n = 10
	case payload > 125:
		n = 4
	}
	if masked {
		n += 4
	}
	return n
}

// wire is what the messages took, with the headers of IP and TCP.
func (b *batching) wire() int64 { return b.bytes + b.frames + segmentLeast*b.packets }

// saved is how many of these bytes batches of the i-th time would save.
func (b *batching) saved(i int) int64 {
	n := b.batches[i]
	packets := min(b.packets, max(n, (b.bytes+segmentMost-1)/segmentMost))
	return max(0, b.wire()-(b.bytes+n*frameHeader(b.bytes/n, b.masked)+segmentLeast*packets))
}

// evidence adds what batching would save.
func (b *batching) evidence(f *Finding) {
	if b == nil {
		return
	}
	f.With("looked_at", b.messages).With("payload_percent", b.share())
	for i, d := range batchTimes {
		ms := strconv.FormatInt(d.Milliseconds(), 10) + "ms"
		f.With("messages_"+ms, b.batches[i]).With("saved_percent_"+ms, 100*b.saved(i)/max(1, b.wire()))
	}
}

// share is how much of what was sent is payload, in percent.
func (b *batching) share() int64 { return 100 * b.bytes / max(1, b.wire()) }

// String is what batching would save, behind what it is about.
func (b *batching) String() string {
	if b == nil {
		return ""
	}
	var messages, saved []string
	for i := range batchTimes {
		messages = append(messages, fmt.Sprint(b.batches[i]))
		saved = append(saved, fmt.Sprint(100*b.saved(i)/max(1, b.wire())))
	}
	return fmt.Sprintf("; payload is %d %% of the bytes on the wire; collected for 20, 50 or 100 ms, %d of them would be %s messages and save %s %% of the bytes",
		b.share(), b.messages, alternatives(messages), alternatives(saved))
}

// alternatives joins texts: "25, 10 or 5".
func alternatives(list []string) string {
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}
