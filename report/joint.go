package report

import (
	"slices"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/session"
)

// maxJoints bounds the legs whose WebSocket is not over.
const maxJoints = 4096

// A joint is what was found on the legs of one WebSocket that have ended: one
// cause explains all of it.
type joint struct {
	ids   []int64
	found []*diagnose.Finding
}

// join puts the findings of a leg to those of the others, and tells of their
// cause once the last of them has ended. It says whether c is a leg.
func (t *findTally) join(c *session.Conn, of []*diagnose.Finding) bool {
	legs := diagnose.LegOf(c).Legs()
	if len(legs) == 0 {
		return false
	}
	f, open := t.joints[c.ID], false
	for _, l := range legs {
		open = open || l.End == nil
		if f == nil {
			f = t.joints[l.ID]
		}
	}
	if f == nil {
		if len(of) == 0 && !open || len(t.joints) >= maxJoints {
			return false
		}
		f = new(joint)
	}
	if t.joints == nil {
		t.joints = make(map[int64]*joint)
	}
	t.joints[c.ID] = f
	f.ids = append(f.ids, c.ID)
	f.found = append(f.found, of[:min(len(of), maxFound-min(len(f.found), maxFound))]...)
	if !open {
		t.settle(f)
	}
	return true
}

// settle tells of the cause, as of the leg that began first.
func (t *findTally) settle(f *joint) {
	for _, id := range f.ids {
		delete(t.joints, id)
	}
	if len(f.found) > 0 {
		t.cause(f.found, slices.Min(f.ids))
	}
}

// settleAll tells of those that are left.
func (t *findTally) settleAll() {
	for len(t.joints) > 0 {
		first := int64(-1)
		for id := range t.joints {
			if first < 0 || id < first {
				first = id
			}
		}
		t.settle(t.joints[first])
	}
}
