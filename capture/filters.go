//go:build !libpcap

package capture

import "github.com/wssniff/wssniff/capture/filter"

// ParseFilter reads a capture filter. The error is a [*filter.Error].
func ParseFilter(text string, lookup filter.Lookup) (*filter.Filter, error) {
	return filter.Parse(text, lookup)
}

// compile makes the program of a filter for packets of a file.
func compile(f *filter.Filter, link LinkType) (filter.Program, error) {
	return f.Compile(filter.Target{LinkType: uint16(link)})
}
