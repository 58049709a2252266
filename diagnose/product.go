package diagnose

import (
	"strings"
	"time"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// An arrEnd says which end of a connection is IIS with Application Request
// Routing, a proxy that cannot pass compressed frames.
type arrEnd uint8

const (
	noARR arrEnd = iota
	arrAsks
	arrAnswers
)

// arrOf knows the proxy by the fields that it adds to requests and answers.
// IIS alone does not compress: where it answers with permessage-deflate, the
// answer is of what is behind it.
func arrOf(h *handshake.Handshake) arrEnd {
	switch {
	case h.Request != nil && h.Request.Fields.Has("X-ARR-LOG-ID"):
		return arrAsks
	case h.Response == nil:
	case strings.HasPrefix(h.Response.Fields.Get("X-Powered-By"), "ARR/"), strings.HasPrefix(h.ServerSoftware(), "Microsoft-IIS/"):
		return arrAnswers
	}
	return noARR
}

// arrGaveUp tells that the proxy ended the connection as soon as a compressed
// frame came: to the server before it has passed anything on, to the client
// before it has sent anything.
func (c *Conn) arrGaveUp(of *session.Conn) bool {
	server, by := &c.Sides[reassembly.FromServer], reassembly.FromClient
	compressed := server.Frames > 0 && server.Frames <= 2 && server.RSV1
	if c.ARR == arrAnswers {
		by, compressed = reassembly.FromServer, server.Frames == 0
	}
	return c.ARR != noARR && compressed && cutOff(of) && of.TCP.EndedBy == by && whole(of, reassembly.FromServer) &&
		of.TCP.EndedAt.Sub(max(server.LastAt, c.Answered.Time)) <= 2*time.Second
}

// applesOwn are the beginnings of Safari's versions that compress whatever
// the server has answered.
var applesOwn = [...]string{"Version/15.", "Version/16.", "Version/17."}

// appleOffers tells that a client with the WebSocket of Apple's NSURLSession
// has offered permessage-deflate.
func appleOffers(h *handshake.Handshake) bool {
	agent := h.UserAgent()
	own := strings.Contains(agent, "CFNetwork/")
	for _, version := range applesOwn {
		own = own || strings.Contains(agent, version) && strings.Contains(agent, "Safari/")
	}
	if !own {
		return false
	}
	for _, x := range h.ExtensionsOffered() {
		if strings.EqualFold(x.Name, pmd) {
			return true
		}
	}
	return false
}
