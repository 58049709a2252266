//go:build windows && (386 || amd64) && !libpcap

package capture

import (
	libpcap "github.com/google/gopacket/pcap"
	"github.com/wssniff/wssniff/capture/filter"
)

// filter says which packets are wanted.
func (h *handle) filter(conf *LiveConfig) error {
	if conf.Filter == nil {
		return nil
	}
	compiled, err := conf.Filter.Compile(filter.Target{LinkType: uint16(h.link), Snaplen: uint32(conf.Snaplen)})
	if err != nil {
		return err
	}
	var program []libpcap.BPFInstruction
	for _, in := range compiled {
		program = append(program, libpcap.BPFInstruction{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K})
	}
	return h.SetBPFInstructionFilter(program)
}
