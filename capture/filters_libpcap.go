//go:build libpcap

package capture

import (
	"math"

	"github.com/google/gopacket/layers"
	libpcap "github.com/google/gopacket/pcap"
	"github.com/wssniff/wssniff/capture/filter"
	"golang.org/x/net/bpf"
)

// ParseFilter reads a capture filter. Words that the filter's own package does
// not know, as those of Wi-Fi, are left to libpcap. The error is a [*filter.Error].
func ParseFilter(text string, lookup filter.Lookup) (*filter.Filter, error) {
	f, err := filter.Parse(text, lookup)
	if err == nil {
		return f, nil
	}
	for _, link := range []LinkType{LinkEthernet, linkWLAN, linkRadiotap} {
		if _, refused := libpcap.CompileBPFFilter(layers.LinkType(link), packetLimit, text); refused == nil {
			return filter.Foreign(text), nil
		}
	}
	return nil, err
}

const (
	linkWLAN     LinkType = 105
	linkRadiotap LinkType = 127
)

// compile makes the program of a filter for packets of a file. gopacket has
// room for eight bits of a link type: those above are not libpcap's to compile.
func compile(f *filter.Filter, link LinkType) (filter.Program, error) {
	if link > math.MaxUint8 {
		return f.Compile(filter.Target{LinkType: uint16(link)})
	}
	if link == LinkRaw {
		link = LinkRawBSD // libpcap takes the number that systems have
	}
	list, err := libpcap.CompileBPFFilter(layers.LinkType(link), packetLimit, f.String())
	if err != nil {
		return nil, f.Refused("libpcap: " + err.Error())
	}
	program := make(filter.Program, len(list))
	for i, in := range list {
		program[i] = bpf.RawInstruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return program, nil
}

// filter says which packets are wanted.
func (h *handle) filter(conf *LiveConfig) error {
	if conf.Filter == nil {
		return nil
	}
	if err := h.SetBPFFilter(conf.Filter.String()); err != nil {
		return conf.Filter.Refused("libpcap: " + err.Error())
	}
	return nil
}
