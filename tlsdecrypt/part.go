package tlsdecrypt

import (
	"cmp"
	"slices"
)

// A note says that a session, named by its ticket or its id, has the secret of
// the connection with the given client random: who resumes it may log none
// (RFC 5077 §3.1, RFC 5246 §7.3). A connection that has itself resumed one
// hands on the secret of that.
type note struct {
	packet          int64
	session, random [32]byte
	resumed         bool
	of              [2][32]byte // sessions that it may have resumed
}

// remember notes a session.
func (k *Keys) remember(n note) {
	if k.part {
		if len(k.notes) >= maxConnections {
			k.notes = k.notes[:0]
		}
		k.notes = append(k.notes, n)
		return
	}
	if n.resumed {
		if random, ok := k.resumes(n.of); ok {
			n.random = random
		}
	}
	if k.sessions == nil || len(k.sessions) >= maxConnections {
		k.sessions = map[[32]byte][32]byte{}
	}
	k.sessions[n.session] = n.random
}

// resumes gives the client random of the connection that made the secret of
// one of the sessions.
func (k *Keys) resumes(sessions [2][32]byte) (random [32]byte, ok bool) {
	for _, s := range sessions {
		if random, ok = k.sessions[s]; ok {
			return random, ok
		}
	}
	return random, false
}

// Part gives Keys for the Decrypters of another goroutine, as long as there is
// no secret in k. Before the first line of a log is taken, together is called:
// when it has returned, one goroutine at a time uses the parts, and what it
// finds there is what it would have found had there been one from the beginning.
func (k *Keys) Part(together func()) *Keys {
	p := &Keys{part: true}
	k.parts, k.together = append(k.parts, p), together
	return p
}

// now gives the Keys that count, k or what it was a part of.
func (k *Keys) now() *Keys {
	if k != nil && k.whole != nil {
		return k.whole
	}
	return k
}

// join ends the parts.
func (k *Keys) join() {
	if k.parts == nil {
		return
	}
	k.together()
	var notes []note
	for _, p := range k.parts {
		notes = append(notes, p.notes...)
		p.whole, p.notes = k, nil
	}
	k.parts = nil
	slices.SortStableFunc(notes, func(a, b note) int { return cmp.Compare(a.packet, b.packet) })
	for _, n := range notes {
		k.remember(n)
	}
}
