package diagnose

import (
	"strconv"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// strangeHops is how far a TTL must lie outside of those of the same sender's
// other packets to be another machine's, and how far apart those may be: a
// route that changes moves them by one or two.
const strangeHops = 3

// injected tells that the RST or FIN that ended the connection may be from a
// machine on the way: its TTL is not like those of the end that it names. That
// alone makes it possible. It is likely where it also came sooner after what
// it answers, sent at cause (0: not known), than that end has ever answered.
func injected(c *session.Conn, cause capture.Time) (h reassembly.Hops, sure Certainty, ok bool) {
	s, by := c.Segments(), c.TCP.EndedBy
	h, seen := s.Hops(by)
	if !seen || c.TCP.End == reassembly.NotEnded || c.H2 != nil || h.High-h.Low >= strangeHops || h.Apart() < strangeHops {
		return h, Certain, false
	}
	fastest := s.RTT(by.Other()).Min
	if soon := c.TCP.EndedAt.Sub(cause); cause != 0 && soon >= 0 && soon < fastest {
		return h, Likely, true
	}
	return h, Possible, true
}

// span is "64", or "63 to 64".
func span(h reassembly.Hops) string {
	if h.Low == h.High {
		return strconv.Itoa(int(h.Low))
	}
	return strconv.Itoa(int(h.Low)) + " to " + strconv.Itoa(int(h.High))
}
