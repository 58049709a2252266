package capture

import "github.com/wssniff/wssniff/capture/filter"

// Filtered is a [Source] of the packets of another that a filter lets through.
// They keep their numbers.
type Filtered struct {
	Source
	Filter  *filter.Filter
	LeftOut int64 // packets that the filter did not let through

	programs map[LinkType]filter.Program
}

// Read implements [Source]. The error is a [*filter.Error] where a packet has
// a link type that the filter makes no sense on.
func (f *Filtered) Read(p *Packet) error {
	for {
		if err := f.Source.Read(p); err != nil {
			return err
		}
		program, ok := f.programs[p.LinkType]
		if !ok {
			var err error
			if program, err = compile(f.Filter, p.LinkType); err != nil {
				return err
			}
			if f.programs == nil {
				f.programs = map[LinkType]filter.Program{}
			}
			f.programs[p.LinkType] = program
		}
		if program.Match(p.Data, p.Length) {
			return nil
		}
		f.LeftOut++
	}
}
