package session

// A pool keeps values that are done with for the next that need one: with one
// goroutine, this is all that sync.Pool would be good for.
type pool[T any] struct{ free []*T }

// maxPooled bounds what a pool keeps after a peak.
const maxPooled = 8192

// take gives a value that is zero.
func (p *pool[T]) take() *T {
	n := len(p.free)
	if n == 0 {
		return new(T)
	}
	v := p.free[n-1]
	p.free = p.free[:n-1]
	return v
}

// give takes back a value that its owner has set to zero.
func (p *pool[T]) give(v *T) {
	if len(p.free) < maxPooled {
		p.free = append(p.free, v)
	}
}
