package handshake

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBrief holds what is kept of a handshake, and that two have the same
// key exactly where the same is kept of them.
func TestBrief(t *testing.T) {
	attempt := func(target, cookie, agent string) *Handshake {
		return &Handshake{
			Request: &Head{Method: "GET", Target: target, Proto: "HTTP/1.1", Size: 300, Fields: Fields{
				{"Host", "example.com", 16}, {"Cookie", cookie, 40}, {"user-agent ", agent, 80}, {"Sec-WebSocket-Key", cookie, 90},
			}},
			Response:    &Head{Proto: "HTTP/1.1", Status: 101, Reason: "Switching Protocols", Fields: Fields{{"Server", "nginx", 34}}},
			Established: true,
		}
	}
	h := attempt("/a", "secret", "curl")
	want := Handshake{
		Request:     &Head{Method: "GET", Proto: "HTTP/1.1", Fields: Fields{{"Host", "example.com", 0}, {"user-agent ", "curl", 0}}},
		Response:    &Head{Proto: "HTTP/1.1", Status: 101, Reason: "Switching Protocols", Fields: Fields{{"Server", "nginx", 0}}},
		Established: true,
	}
	if diff := cmp.Diff(want, h.Brief(), cmp.AllowUnexported(Handshake{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	key := string(h.AppendBrief(nil))
	if other := attempt("/b", "another", "curl"); string(other.AppendBrief(nil)) != key {
		t.Error("target and cookie make a difference")
	}
	for name, other := range map[string]*Handshake{
		"agent":       attempt("/a", "secret", "wget"),
		"no response": {Request: h.Request, Established: true},
		"obsolete":    {Request: h.Request, Response: h.Response, Established: true, Obsolete: true},
		"moved bytes": {Request: &Head{Method: "GE", Proto: "THTTP/1.1", Fields: h.Request.Fields}, Response: h.Response, Established: true},
	} {
		if string(other.AppendBrief(nil)) == key {
			t.Errorf("%s makes no difference", name)
		}
	}
}
