package h2

import "encoding/binary"

// A SettingID is the identifier of a setting.
type SettingID uint16

// The settings of RFC 9113 §6.5.2 and RFC 8441 §3.
const (
	HeaderTableSize       SettingID = 1
	EnablePush            SettingID = 2
	MaxConcurrentStreams  SettingID = 3
	InitialWindowSize     SettingID = 4
	MaxFrameSize          SettingID = 5
	MaxHeaderListSize     SettingID = 6
	EnableConnectProtocol SettingID = 8

	maxSetting = 9
)

const (
	firstWindow = 1<<16 - 1 // RFC 9113 §6.9.2
	maxWindow   = 1<<31 - 1
)

// Settings are what one side has set.
type Settings struct {
	Frames int // SETTINGS without ACK
	Acks   int // those with it: the other side's settings that were taken
	values [maxSetting]uint32
	sent   uint16
}

// Get gives a setting as it was last sent, and whether it ever was.
func (s *Settings) Get(id SettingID) (value uint32, sent bool) {
	if id >= maxSetting {
		return 0, false
	}
	return s.values[id], s.sent>>id&1 == 1
}

// readSettings reads SETTINGS (RFC 9113 §6.5).
func (p *Parser) readSettings(d dir, b []byte) {
	h := &p.half[d]
	s := &h.settings
	if h.frame.has(flagAck) {
		s.Acks++
		p.setWindows(d, p.half[d.other()].settings.window())
		return
	}
	s.Frames++
	for ; len(b) >= 6; b = b[6:] {
		if id := SettingID(binary.BigEndian.Uint16(b)); id < maxSetting {
			s.values[id] = binary.BigEndian.Uint32(b[2:])
			s.sent |= 1 << id
		}
	}
	p.add(Event{Kind: Set, FromClient: d == client})
	f := &p.flow[d.other()]
	f.known = !h.missing && (f.known || s.Frames == 1 && p.flow[d].begun)
}

func (s *Settings) window() int64 {
	if w, ok := s.Get(InitialWindowSize); ok {
		return int64(w)
	}
	return firstWindow
}

// A flow is what one side may send (RFC 9113 §5.2).
type flow struct {
	begun   bool  // no byte of this side was missed between its frames
	known   bool  // nothing was missed of what governs it
	spent   int64 // bytes of DATA, less what was granted to the connection
	stalled bool
	window  int64 // initial window of a stream, less 65535
}

func (f *flow) initial() int64 { return f.window + firstWindow }

func (f *flow) left() int64 { return firstWindow - f.spent }

// setWindows takes a new initial window into use, which moves those of all
// streams (RFC 9113 §6.9.2): at the ACK, for before it the sender did not know.
func (p *Parser) setWindows(d dir, size int64) {
	f := &p.flow[d]
	change := size - f.initial()
	f.window += change
	for _, s := range p.streams.list {
		before := s.window[d]
		s.window[d] += change
		p.grant(d, s.id, s.stalled[d], before, s.window[d])
	}
}

// spend takes note of DATA, which uses up two windows with its whole payload,
// padding included (RFC 9113 §6.9.1).
func (p *Parser) spend(d dir, s *stream, h header) {
	f := &p.flow[d]
	n := int64(h.length)
	f.spent += n
	if s != nil {
		s.window[d] -= n
	}
	if n == 0 {
		return
	}
	p.resume(d, 0, &f.stalled)
	if s != nil {
		p.resume(d, s.id, &s.stalled[d])
	}
}

// spent looks, behind a DATA frame, which windows are used up.
func (p *Parser) spent(d dir, s *stream, h header) {
	f := &p.flow[d]
	if !f.known || h.length == 0 {
		return
	}
	if f.left() <= 0 {
		p.stall(d, 0, &f.stalled)
	}
	if s != nil && s.kind == webSocket && s.window[d] <= 0 && !h.has(flagEndStream) {
		p.stall(d, s.id, &s.stalled[d])
	}
}

func (p *Parser) stall(d dir, id uint32, stalled *bool) {
	*stalled = true
	p.facts.Stalls[d]++
	p.add(Event{Kind: Stalled, FromClient: d == client, Stream: id})
}

func (p *Parser) resume(d dir, id uint32, stalled *bool) {
	if *stalled {
		*stalled = false
		p.add(Event{Kind: Resumed, FromClient: d == client, Stream: id})
	}
}

// readWindow reads WINDOW_UPDATE (RFC 9113 §6.9): the other side may send more.
func (p *Parser) readWindow(d dir, b []byte) {
	id := p.half[d].frame.stream
	s := p.streams.byID[id]
	if id != 0 && s == nil {
		return
	}
	sender := d.other()
	if len(b) < 4 {
		p.flow[sender].known = false
		return
	}
	n := int64(binary.BigEndian.Uint32(b) & maxWindow)
	if f := &p.flow[sender]; id == 0 {
		before := f.left()
		f.spent -= n
		p.grant(sender, 0, f.stalled, before, f.left())
		return
	}
	before := s.window[sender]
	s.window[sender] += n
	p.grant(sender, id, s.stalled[sender], before, s.window[sender])
}

// grant takes note that a window that was used up is open again.
func (p *Parser) grant(d dir, id uint32, stalled bool, before, now int64) {
	if stalled && before <= 0 && now > 0 {
		p.add(Event{Kind: Granted, FromClient: d == client, Stream: id})
	}
}
