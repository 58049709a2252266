package reassembly

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/wssniff/wssniff/capture"
)

// An oracle decodes packets with gopacket.
type oracle struct {
	eth  layers.Ethernet
	tag  layers.Dot1Q
	sll  layers.LinuxSLL
	loop layers.Loopback
	ip4  layers.IPv4
	ip6  layers.IPv6
	ext  layers.IPv6ExtensionSkipper
	tcp  layers.TCP

	parsers map[gopacket.LayerType]*gopacket.DecodingLayerParser
	decoded []gopacket.LayerType
}

// firstLayers has a row for each link type that gopacket can begin with. What
// it does not know is cut down to something that it does by skip.
var firstLayers = map[capture.LinkType]struct {
	layer gopacket.LayerType
	skip  func([]byte) (gopacket.LayerType, []byte)
}{
	capture.LinkEthernet: {layer: layers.LayerTypeEthernet},
	capture.LinkLinuxSLL: {layer: layers.LayerTypeLinuxSLL},
	capture.LinkNull:     {layer: layers.LayerTypeLoopback},
	capture.LinkLoop:     {layer: layers.LayerTypeLoopback},
	capture.LinkRaw:      {skip: byVersion},
	capture.LinkRawBSD:   {skip: byVersion},
	capture.LinkRawOpen:  {skip: byVersion},
	capture.LinkIPv4:     {skip: byVersion},
	capture.LinkIPv6:     {skip: byVersion},
	capture.LinkLinuxSLL2: {skip: func(b []byte) (gopacket.LayerType, []byte) {
		if len(b) < 21 || b[0] == 0x81 {
			return gopacket.LayerTypeZero, nil
		}
		switch binary.BigEndian.Uint16(b) {
		case 0x0800, 0x86dd:
			return byVersion(b[20:])
		}
		return gopacket.LayerTypeZero, nil
	}},
}

func byVersion(b []byte) (gopacket.LayerType, []byte) {
	switch {
	case len(b) > 0 && b[0]>>4 == 4:
		return layers.LayerTypeIPv4, b
	case len(b) > 0 && b[0]>>4 == 6:
		return layers.LayerTypeIPv6, b
	}
	return gopacket.LayerTypeZero, nil
}

// segment gives what gopacket finds, nil for no TCP, and its complaint.
func (o *oracle) segment(p *capture.Packet) (*Segment, error) {
	first, b := firstLayers[p.LinkType].layer, p.Data
	if skip := firstLayers[p.LinkType].skip; skip != nil {
		if first, b = skip(b); b == nil {
			return nil, nil
		}
	}
	parser := o.parsers[first]
	if parser == nil {
		parser = gopacket.NewDecodingLayerParser(first, &o.eth, &o.tag, &o.sll, &o.loop, &o.ip4, &o.ip6, &o.ext, &o.tcp)
		if o.parsers == nil {
			o.parsers = make(map[gopacket.LayerType]*gopacket.DecodingLayerParser)
		}
		o.parsers[first] = parser
	}
	err := parser.DecodeLayers(b, &o.decoded)
	n := len(o.decoded)
	if n < 2 && skipped(first) || n == 0 || o.decoded[n-1] != layers.LayerTypeTCP {
		return nil, err
	}
	s := &Segment{
		Seq: SeqNum(o.tcp.Seq), Ack: SeqNum(o.tcp.Ack), Window: o.tcp.Window,
		Options: o.tcp.Contents[20:], Payload: o.tcp.Payload,
		Packet: p.Number, Time: p.Time,
	}
	for i, set := range []bool{o.tcp.FIN, o.tcp.SYN, o.tcp.RST, o.tcp.PSH, o.tcp.ACK, o.tcp.URG, o.tcp.ECE, o.tcp.CWR} {
		if set {
			s.Flags |= 1 << i
		}
	}
	// The addresses are those of the layer last decoded before TCP.
	for _, layer := range o.decoded {
		var src, dst []byte
		switch layer {
		case layers.LayerTypeIPv4:
			src, dst = o.ip4.SrcIP, o.ip4.DstIP
		case layers.LayerTypeIPv6:
			src, dst = o.ip6.SrcIP, o.ip6.DstIP
		default:
			continue
		}
		a, _ := netip.AddrFromSlice(src)
		b, _ := netip.AddrFromSlice(dst)
		s.Src = netip.AddrPortFrom(a, uint16(o.tcp.SrcPort))
		s.Dst = netip.AddrPortFrom(b, uint16(o.tcp.DstPort))
	}
	return s, err
}

func skipped(first gopacket.LayerType) bool {
	return first == layers.LayerTypeIPv4 || first == layers.LayerTypeIPv6
}

// same says in what two segments differ, "" for nothing.
func same(own, other *Segment) string {
	switch {
	case (own == nil) != (other == nil):
		return fmt.Sprintf("own segment %t, gopacket's %t", own != nil, other != nil)
	case own == nil:
		return ""
	case own.Src != other.Src || own.Dst != other.Dst:
		return fmt.Sprintf("own %v to %v, gopacket %v to %v", own.Src, own.Dst, other.Src, other.Dst)
	case own.Seq != other.Seq || own.Ack != other.Ack || own.Flags != other.Flags || own.Window != other.Window:
		return fmt.Sprintf("own %v, gopacket %v", own, other)
	case !bytes.Equal(own.Payload, other.Payload):
		return fmt.Sprintf("payload: own %d bytes, gopacket %d", len(own.Payload), len(other.Payload))
	case !bytes.Equal(own.Options, other.Options):
		return fmt.Sprintf("options: own %x, gopacket %x", own.Options, other.Options)
	}
	return ""
}

// excuses has a row for each way in which the two may differ, and how that
// is seen. A difference without a row is a failure.
var excuses = []struct {
	why  string
	when func(p *capture.Packet, own, other *Segment, err error) bool
}{
	{"gopacket refuses a segment for an option's length", func(_ *capture.Packet, own, other *Segment, err error) bool {
		return own != nil && other == nil && err != nil && strings.Contains(err.Error(), "option")
	}},
	{"gopacket refuses a segment with options that the capture cut", func(_ *capture.Packet, own, other *Segment, err error) bool {
		return own != nil && other == nil && err != nil && strings.Contains(err.Error(), "data offset greater than packet length") && len(own.Payload) == 0
	}},
	{"gopacket does not look behind LLC", func(p *capture.Packet, own, other *Segment, _ error) bool {
		return own != nil && other == nil && p.LinkType == capture.LinkEthernet && bytes.Contains(p.Data[:min(len(p.Data), 30)], []byte{0xaa, 0xaa, 3, 0, 0, 0})
	}},
	{"gopacket does not look at the IP version", func(p *capture.Packet, own, other *Segment, _ error) bool {
		b, _ := new(capture.Decap).Datagram(p)
		return own == nil && other != nil && len(b) > 0 && b[0]>>4 != 4 && b[0]>>4 != 6
	}},
	{"gopacket keeps 16 bits of a length that is not in the IP header", func(p *capture.Packet, own, other *Segment, err error) bool {
		return own != nil && len(own.Payload) > 0xffff && (other == nil || len(other.Payload) < 0xffff)
	}},
	{"gopacket looks into IP in IP", func(p *capture.Packet, own, other *Segment, _ error) bool {
		return own == nil && other != nil && tunnelled(p)
	}},
	{"no decoder for tunnels and fragments is given to gopacket's parser: tshark is asked about them, in TestTunnelsAgainstWireshark", func(_ *capture.Packet, own, other *Segment, err error) bool {
		return own != nil && other == nil && err != nil && strings.Contains(err.Error(), "No decoder for layer type")
	}},
	{"gopacket takes a fragment of IPv6 for all of it", func(p *capture.Packet, own, other *Segment, _ error) bool {
		return (own == nil) != (other == nil) && v6Fragment(p)
	}},
}

// v6Fragment says whether the IP header of p is followed by a fragment header
// of a datagram in pieces.
func v6Fragment(p *capture.Packet) bool {
	b, _ := new(capture.Decap).Datagram(p)
	return len(b) >= 48 && b[6] == 44 && (b[42] != 0 || b[43]&0xf9 != 0)
}

// tunnelled says whether the IP header of p is followed by another.
func tunnelled(p *capture.Packet) bool {
	b, _ := new(capture.Decap).Datagram(p)
	if len(b) < 20 {
		return false
	}
	next := b[9]
	if b[0]>>4 == 6 {
		next = b[6]
	}
	return next == 4 || next == 41
}

// captures lists the files in the folder of recorded captures, and in
// WSSNIFF_CORPUS where that is set.
func captures(t *testing.T) []string {
	var files []string
	for _, root := range []string{"../testdata/captures", os.Getenv("WSSNIFF_CORPUS")} {
		if root == "" {
			continue
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestSegmentAgainstGopacket decodes each packet of each capture twice.
func TestSegmentAgainstGopacket(t *testing.T) {
	var o oracle
	var ip IP
	var packets int64
	excused := make(map[string]int)
	for _, path := range captures(t) {
		if strings.HasPrefix(filepath.Base(path), "tunnel-") {
			continue // gopacket joins no IP fragments, and knows not all of the tunnels; the endpoints' logs are the measure
		}
		f, err := capture.Open([]string{path}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for p := range capture.Packets(f) {
			if _, known := firstLayers[p.LinkType]; !known {
				continue
			}
			packets++
			own := ip.Segment(p)
			other, err := o.segment(p)
			diff := same(own, other)
			if diff == "" {
				continue
			}
			why := ""
			for _, e := range excuses {
				if e.when(p, own, other, err) {
					why = e.why
				}
			}
			if excused[why]++; why == "" && excused[why] < 20 {
				t.Errorf("%s packet %d: %s (%v)", filepath.Base(path), p.Number, diff, err)
			}
		}
		f.Close()
	}
	if packets == 0 {
		t.Skip("no capture to decode: WSSNIFF_CORPUS is not set")
	}
	t.Logf("%d packets, %d segments; differences %v", packets, ip.Stats.Segments, excused)
	if got := total(&ip.Stats); got != packets {
		t.Errorf("%d counted of %d packets", got, packets)
	}
}
