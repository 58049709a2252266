package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// The path of a packet tells networks apart that may use the same addresses.
// It must be the same for both directions of a connection, so only what is
// the same for both is in it:
//
//   - VLAN ids, of every tag; 0 is the id of a tag that has a priority only
//   - the network ids of VXLAN, GENEVE, NVGRE and IEEE 802.1ah
//   - the session of PPPoE, the DLCI of Frame Relay
//   - the session id of ERSPAN and the VLAN of its header
//   - the key of GRE, as both ends of a tunnel are set to the same one
//   - of tunnels without any such id (IP in IP, GRE without key, ERSPAN I,
//     PPTP, L2TP, GTP-U, MPLS in UDP, EtherIP): the two outer addresses,
//     whichever of them sends
//
// Not in it are MPLS labels, the TEIDs of GTP, the call ids of PPTP, the
// session ids of L2TP and the interfaces of a VN-tag: who receives chooses
// them. Nor are the flow id of NVGRE, or the outer addresses of tunnels that
// have an id: a network spans more than two of those.
//
// The order of the layers counts. It is not seeded: all who look at a capture
// must find the same.

// maxTags is how many tags a path has at most; maxLayers sees to it, as no
// layer has more than two.
const maxTags = 2 * (maxLayers + 1)

// A tag is one thing that is part of a path.
type tag struct {
	kind tagKind
	id   uint64
}

// A tagKind is a row of tagNames.
type tagKind uint8

// The kinds of tag.
const (
	tagVLAN tagKind = iota + 1
	tagISID
	tagVXLAN
	tagGENEVE
	tagNVGRE
	tagGREKey
	tagPPPoE
	tagERSPAN
	tagDLCI

	tagIP // from here on: two addresses
	tagGRE
	tagPPTP
	tagGTP
	tagMPLS
	tagEtherIP
	tagL2TP
	tagUnnamedVXLAN
)

var tagNames = [...]string{
	tagVLAN:   "VLAN",
	tagISID:   "I-SID",
	tagVXLAN:  "VXLAN",
	tagGENEVE: "GENEVE",
	tagNVGRE:  "NVGRE",
	tagGREKey: "GRE key",
	tagPPPoE:  "PPPoE",
	tagERSPAN: "ERSPAN",
	tagDLCI:   "DLCI",

	tagIP:           "IP in IP",
	tagGRE:          "GRE",
	tagPPTP:         "PPTP",
	tagGTP:          "GTP-U",
	tagMPLS:         "MPLS in UDP",
	tagEtherIP:      "EtherIP",
	tagL2TP:         "L2TP",
	tagUnnamedVXLAN: "VXLAN",
}

// Path gives a number that is the same for all packets that came through the
// same networks since Datagram was called, in both directions, and 0 where
// nothing told of one.
func (d *Decap) Path() uint64 { return d.path }

// PathName says in words what Path stands for, such as "VLAN 10, VXLAN 77",
// the outermost first.
func (d *Decap) PathName() string {
	var s strings.Builder
	for i := range d.tags[:d.n] {
		t := &d.tags[i]
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(tagNames[t.kind])
		if t.kind >= tagIP {
			low, high := d.ends[i][0], d.ends[i][1]
			if high.Less(low) {
				low, high = high, low
			}
			fmt.Fprintf(&s, " %v–%v", low, high)
		} else {
			fmt.Fprintf(&s, " %d", t.id)
		}
	}
	return s.String()
}

// add makes an id part of the path.
func (d *Decap) add(kind tagKind, id uint64) {
	if d.n == len(d.tags) {
		return
	}
	d.tags[d.n] = tag{kind, id}
	d.n++
	if d.path = mix(d.path + (uint64(kind)<<56 ^ id)); d.path == 0 {
		d.path = 1
	}
}

// addEnds makes the two addresses of a tunnel part of the path, if it was told
// them.
func (d *Decap) addEnds(kind tagKind) {
	if d.n < len(d.tags) && d.src.IsValid() {
		d.ends[d.n] = [2]netip.Addr{d.src, d.dst}
		d.add(kind, hash(d.src)+hash(d.dst))
	}
}

func hash(a netip.Addr) uint64 {
	ip := a.As16()
	return mix(mix(binary.BigEndian.Uint64(ip[:])) + binary.BigEndian.Uint64(ip[8:]))
}

// mix is the finalizer of SplitMix64: every bit of x reaches every other.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
