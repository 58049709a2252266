package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/wssniff/wssniff/capture"
)

// checkFilter reads the words behind the flags: one filter, in one argument or
// in many.
func (f *flags) checkFilter(words []string) error {
	if len(words) == 0 {
		return nil
	}
	var err error
	f.live.Filter, err = capture.ParseFilter(strings.Join(words, " "), f.lookUp)
	return err
}

// lookUp gives the addresses of a host that the filter names.
func (f *flags) lookUp(name string) (list []netip.Addr, err error) {
	found, err := net.LookupHost(name)
	for _, text := range found {
		if ip, err := netip.ParseAddr(text); err == nil {
			list = append(list, ip.WithZone(""))
		}
	}
	if err == nil {
		f.named = append(f.named, name+" is "+strings.Join(found, ", "))
	}
	return list, err
}

// noteNames says which addresses were put for names.
func (f *flags) noteNames(stderr io.Writer) {
	for _, note := range f.named {
		fmt.Fprintf(stderr, "wssniff: filter: %s\n", note)
	}
}

// filtered puts the filter before a saved capture. Live, the kernel has it.
func (f *flags) filtered(src origin) capture.Source {
	if f.live.Filter == nil || f.isLive() {
		return src
	}
	return &capture.Filtered{Source: src, Filter: f.live.Filter}
}

// describeFilter says how many packets the filter left out.
func describeFilter(w io.Writer, src capture.Source) {
	if f, ok := src.(*capture.Filtered); ok {
		fmt.Fprintf(w, "wssniff: %d packets left out by the filter\n", f.LeftOut)
	}
}
