package tlsdecrypt

import (
	"cmp"
	"slices"
	"sync"
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
	if s := k.shared; s != nil {
		s.take(n)
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

// shared is what several goroutines have noted that use Keys without a secret.
type shared struct {
	alone func()
	mu    sync.Mutex
	notes []note
}

func (s *shared) take(n note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.notes) >= maxConnections {
		s.notes = s.notes[:0]
	}
	s.notes = append(s.notes, n)
}

// Share lets Decrypters of several goroutines use k as long as there is no
// secret in it. alone is called before the first line of a log is taken: when
// it has returned, one goroutine uses k, and what it finds there is what it
// would have found had it been alone from the beginning.
func (k *Keys) Share(alone func()) { k.shared = &shared{alone: alone} }

func (k *Keys) unshare() {
	s := k.shared
	if s == nil {
		return
	}
	s.alone()
	k.shared = nil
	slices.SortStableFunc(s.notes, func(a, b note) int { return cmp.Compare(a.packet, b.packet) })
	for _, n := range s.notes {
		k.remember(n)
	}
}
