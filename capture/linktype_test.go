package capture

import (
	"encoding/hex"
	"strings"
	"testing"
)

// ip4 and ip6 begin as datagrams do; nothing here looks further.
const (
	ip4 = "45000028"
	ip6 = "60000000"
)

func TestDatagram(t *testing.T) {
	const macs = "0102030405060708090a0b0c"
	sll := func(proto string) string { return "0000 0001 0006 0102030405060000" + proto }
	sll2 := func(proto string) string { return proto + "0000 00000002 0001 00 06 0102030405060000" }
	tests := []struct {
		name string
		link LinkType
		head string // what stands before the datagram
		ip   string
		what Content
	}{
		{"Ethernet", LinkEthernet, macs + "0800", ip4, HasIP},
		{"Ethernet, IPv6", LinkEthernet, macs + "86dd", ip6, HasIP},
		{"802.1Q", LinkEthernet, macs + "8100 0005 0800", ip4, HasIP},
		{"802.1ad", LinkEthernet, macs + "88a8 0005 8100 0006 86dd", ip6, HasIP},
		{"QinQ", LinkEthernet, macs + "9100 0005 9100 0006 8100 0007 0800", ip4, HasIP},
		{"LLC and SNAP", LinkEthernet, macs + "0030 aaaa03 000000 0800", ip4, HasIP},
		{"spanning tree", LinkEthernet, macs + "0026 424203 0000000000", "", NotIP},
		{"a length in SNAP", LinkEthernet, macs + "0030 aaaa03 000000 0010", ip4, NotIP},
		{"ARP", LinkEthernet, macs + "0806", "0001", NotIP},
		{"ARP in 802.1Q", LinkEthernet, macs + "8100 0005 0806", "0001", NotIP},
		{"cut Ethernet", LinkEthernet, macs + "08", "", CutHeader},
		{"cut 802.1Q", LinkEthernet, macs + "8100 0005 08", "", CutHeader},
		{"empty", LinkEthernet, "", "", CutHeader},

		{"NULL, little-endian", LinkNull, "02000000", ip4, HasIP},
		{"NULL, big-endian", LinkNull, "00000002", ip4, HasIP},
		{"NULL, IPv6 of Linux", LinkNull, "0a000000", ip6, HasIP},
		{"NULL, IPv6 of Windows", LinkNull, "17000000", ip6, HasIP},
		{"NULL, IPv6 of NetBSD", LinkNull, "00000018", ip6, HasIP},
		{"NULL, IPv6 of FreeBSD", LinkNull, "1c000000", ip6, HasIP},
		{"NULL, IPv6 of macOS", LinkNull, "1e000000", ip6, HasIP},
		{"NULL, an EtherType", LinkNull, "00000800", ip4, HasIP},
		{"NULL, another family", LinkNull, "07000000", ip4, NotIP},
		{"NULL, no family at all", LinkNull, "ffffffff", ip4, NotIP},
		{"cut NULL", LinkNull, "020000", "", CutHeader},
		{"LOOP", LinkLoop, "0000001e", ip6, HasIP},

		{"raw", LinkRaw, "", ip4, HasIP},
		{"raw, IPv6", LinkRaw, "", ip6, HasIP},
		{"raw, neither", LinkRaw, "", "00", NotIP},
		{"raw, empty", LinkRaw, "", "", CutHeader},
		{"raw of BSD", LinkRawBSD, "", ip4, HasIP},
		{"raw of OpenBSD", LinkRawOpen, "", ip6, HasIP},
		{"IPv4", LinkIPv4, "", ip4, HasIP},
		{"IPv6", LinkIPv6, "", ip6, HasIP},

		{"SLL", LinkLinuxSLL, sll("0800"), ip4, HasIP},
		{"SLL, 802.1Q", LinkLinuxSLL, sll("8100") + "0005 86dd", ip6, HasIP},
		{"SLL, LLC", LinkLinuxSLL, sll("0004"), "424203", NotIP},
		{"cut SLL", LinkLinuxSLL, sll("08"), "", CutHeader},
		{"SLL2", LinkLinuxSLL2, sll2("86dd"), ip6, HasIP},
		{"SLL2, ARP", LinkLinuxSLL2, sll2("0806"), "0001", NotIP},
		{"cut SLL2", LinkLinuxSLL2, "0800 0000 00000002", "", CutHeader},

		{"Bluetooth", 187, "0800", ip4, UnknownLinkType},
		{"a number without a row", 65535, "", ip4, UnknownLinkType},
		{"the first behind the table", LinkType(len(linkTypes)), "", ip4, UnknownLinkType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := hex.DecodeString(strings.ReplaceAll(tt.head+tt.ip, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			got, what := new(Decap).Datagram(&Packet{LinkType: tt.link, Data: data, Length: len(data)})
			if what != tt.what {
				t.Fatalf("content %d, want %d", what, tt.what)
			}
			if what == HasIP && hex.EncodeToString(got) != tt.ip || what != HasIP && got != nil {
				t.Errorf("%x, want %s", got, tt.ip)
			}
		})
	}
}

func TestLinkTypeNames(t *testing.T) {
	for l, want := range map[LinkType]string{
		LinkEthernet: "Ethernet", LinkLinuxSLL2: "Linux SLL2", 105: "IEEE 802.11", 77: "link type 77", 65535: "link type 65535",
	} {
		if got := l.String(); got != want {
			t.Errorf("%d: %q, want %q", uint16(l), got, want)
		}
	}
}

func BenchmarkDatagram(b *testing.B) {
	data := make([]byte, 100)
	for name, head := range map[string]string{"Ethernet": "\x08\x00", "VLAN": "\x81\x00\x00\x05\x08\x00"} {
		b.Run(name, func(b *testing.B) {
			copy(data[12:], head)
			p := Packet{LinkType: LinkEthernet, Data: data, Length: 100}
			var d Decap
			for b.Loop() {
				if _, what := d.Datagram(&p); what != HasIP {
					b.Fatal(what)
				}
			}
		})
	}
}
