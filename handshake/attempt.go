package handshake

// An attempt is a Handshake in the memory that belongs to it.
type attempt struct {
	Handshake
	heads [2]Head // by side
}

// keptFields bounds the memory for the fields of a head that is used again.
const keptFields = 16

// attempt gives one of which nothing is known.
func (r *Reader) attempt() *attempt {
	a := r.spare
	r.spare = nil
	if a == nil {
		a = new(attempt)
	}
	return a
}

// whole is the Handshake, nil where there is no attempt.
func (a *attempt) whole() *Handshake {
	if a == nil {
		return nil
	}
	return &a.Handshake
}

// read takes the head that s sent, with what is known of it.
func (a *attempt) read(s side, b []byte, size int, f *facts) {
	h := &a.heads[s]
	h.read(s, b, size)
	if s == fromClient {
		a.Request = h
	} else {
		a.Response = h
	}
	a.Obsolete = a.Obsolete || f.obsolete()
}

// clear forgets all but memory.
func (a *attempt) clear() {
	a.Handshake = Handshake{}
	for i := range a.heads {
		fields := a.heads[i].Fields
		clear(fields)
		if cap(fields) > keptFields {
			fields = nil
		}
		a.heads[i] = Head{Fields: fields[:0]}
	}
}
