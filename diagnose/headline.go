package diagnose

import "cmp"

// Headline is the finding among those of a connection that explains the
// others: of the most severe, that of the lowest layer; of several, the
// earliest. The list is not empty.
func Headline(of []*Finding) *Finding {
	lead := of[0]
	for _, f := range of[1:] {
		if cmp.Or(-cmp.Compare(f.Severity, lead.Severity), cmp.Compare(f.layer(), lead.layer()), cmp.Compare(f.Packet, lead.Packet)) < 0 {
			lead = f
		}
	}
	return lead
}

// layer is where the finding stands among the causes. An application that has
// refused its session ends it, too: that is no fault of closing. And what both
// sides of a proxy show explains what each of them shows.
func (f *Finding) layer() Layer {
	if f.Rule.Stands != 0 && f.Severity == Error {
		return f.Rule.Stands
	}
	return f.Rule.Layer
}
