package report

import (
	"strconv"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

// refusal is the proxy that refused the tunnel in which the WebSocket should
// have been, nil if there was none.
func refusal(f *session.Facts) *handshake.Via {
	if last := len(f.Via) - 1; f.State == session.Refused && f.Handshake == nil && f.TLS == nil && last >= 0 {
		return &f.Via[last]
	}
	return nil
}

// authority masks secrets in a host and port that a proxy was told.
func (r *redactor) authority(s string) string { return r.host(r.string(s)) }

// user masks a name that a proxy was told.
func (r *redactor) user(s string) string {
	if r.shown || s == "" {
		return s
	}
	return mask
}

// via writes the proxies that a connection passed.
func (s *jsonSink) via(list []handshake.Via) {
	if len(list) == 0 {
		return
	}
	s.begin("via", '[')
	for i := range list {
		v := &list[i]
		s.comma()
		s.b = append(s.b, '{')
		s.word("kind", v.Kind.String())
		s.address("source", v.Source)
		s.address("destination", v.Destination)
		if v.Local {
			s.bool("local", true)
		}
		s.known("authority", s.secret.authority(v.Authority))
		if v.Checksum == handshake.ChecksumOK || v.Checksum == handshake.ChecksumFail {
			s.bool("checksum_valid", v.Checksum == handshake.ChecksumOK)
		}
		s.known("target", s.secret.authority(v.Target))
		s.known("user", s.secret.user(v.User))
		if v.Reply != "" {
			s.word("reply", v.Reply)
			s.int("code", int64(v.Code))
		}
		if v.Status != 0 {
			s.int("status", int64(v.Status))
		}
		s.end('}')
	}
	s.end(']')
}

// answerOf is what a proxy answered: "407", "connection refused".
func answerOf(v *handshake.Via) string {
	if v.Status != 0 {
		return strconv.Itoa(v.Status)
	}
	return v.Reply
}

// via writes a line for each proxy that no line was written for.
func (f *follower) via(list []handshake.Via) {
	for ; f.passed < len(list); f.passed++ {
		f.out.WriteString("  ⇢ " + viaText(&list[f.passed], &f.secret) + "\n")
	}
}

func viaText(v *handshake.Via, secret *redactor) string {
	s := v.Kind.String()
	switch {
	case v.Source.IsValid():
		s += columnGap + address(v.Source) + " → " + address(v.Destination)
	case v.Local:
		s += columnGap + "local"
	}
	if v.Authority != "" {
		s += columnGap + clean(secret.authority(v.Authority))
	}
	if v.Checksum == handshake.ChecksumFail {
		s += columnGap + "! wrong checksum"
	}
	if v.Target != "" {
		s += columnGap + clean(secret.authority(v.Target))
	}
	if v.User != "" {
		s += " as " + clean(secret.user(v.User))
		if !secret.shown {
			s += " (redacted, --no-redact)"
		}
	}
	if a := answerOf(v); a != "" {
		s += columnGap + a
	}
	return s
}
