package casetest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/capture"
)

// TestFirstBytes holds packets against bytes that were put together by hand.
func TestFirstBytes(t *testing.T) {
	for _, test := range []struct {
		name, script string
		packet       int
		want         string
	}{
		{"SYN over Ethernet and IPv4", "syn isn=0x01020304 unanswered", 0,
			"020000000002 020000000001 0800" +
				"45 00 0030 0000 4000 40 06 26c6 0a000001 0a000002" +
				"c351 0050 01020304 00000000 70 02 ffff a86e 0000 02 04 05b4 01 03 03 07"},
		{"its ACK with two VLAN tags", "syn isn=0xffffffff vlan=100 vlan=7", 2,
			"020000000002 020000000001 88a8 0064 8100 0007 0800" +
				"45 00 0028 0001 4000 40 06 26cd 0a000001 0a000002" +
				"c351 0050 00000000 00000000 50 10 ffff d830 0000"},
		{"IPv6 without link layer", "syn link=raw ipv6 isn=1 unanswered", 0,
			"60000000 001c 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002" +
				"c351 0050 00000001 00000000 70 02 ffff 6501 0000 02 04 05b4 01 03 03 07"},
		{"SLL2 from the server", "syn link=sll2 isn=1 refused", 1,
			"0800 0000 00000002 0001 04 06 020000000002 0000" +
				"45 00 0028 0000 4000 40 06 26ce 0a000002 0a000001" +
				"0050 c351 00000001 00000002 50 14 ffff d829 0000"},
	} {
		p, err := play(test.script)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := hex.EncodeToString(p.packets[test.packet].Data), plain(test.want); got != want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, want)
		}
	}
}

func plain(s string) string { return strings.ReplaceAll(s, " ", "") }

// TestChecksumsAddUp says that a receiver's sums come out right, for each
// link type and both versions of IP.
func TestChecksumsAddUp(t *testing.T) {
	for link := range links {
		for _, version := range []string{"", " ipv6"} {
			p, err := play("open / link=" + link + version + "\nc text len=101\ns bin len=4")
			if err != nil {
				t.Fatal(err)
			}
			for _, pkt := range p.packets {
				b := pkt.Data[len(links[link].header(&path{}, client, 0)):]
				addrs, head := b[12:20], 20
				if b[0]>>4 == 6 {
					addrs, head = b[8:40], 40
				} else if onesSum(b[:20]) != 0xffff {
					t.Errorf("%s%s: packet %d: the IPv4 header's sum is wrong", link, version, pkt.Number)
				}
				whole := append([]byte{0, 6}, addrs...)
				whole = binary.BigEndian.AppendUint16(whole, uint16(len(b)-head))
				if onesSum(append(whole, b[head:]...)) != 0xffff {
					t.Errorf("%s%s: packet %d: the TCP sum is wrong", link, version, pkt.Number)
				}
			}
		}
	}
}

// onesSum is the ones' complement sum of RFC 1071, word by word.
func onesSum(b []byte) uint16 {
	if len(b)%2 == 1 {
		b = append(b[:len(b):len(b)], 0)
	}
	var sum uint16
	for ; len(b) > 0; b = b[2:] {
		word := binary.BigEndian.Uint16(b)
		if sum += word; sum < word {
			sum++
		}
	}
	return sum
}

// TestFrames holds the writer against RFC 6455 §5.7, and against headers
// written by hand.
func TestFrames(t *testing.T) {
	for _, test := range []struct{ words, want string }{
		{`text "Hello"`, "810548656c6c6f"},
		{`text "Hello" mask=37fa213d`, "818537fa213d7f9f4d5158"},
		{`text "Hel" more`, "010348656c"},
		{`cont "lo"`, "80026c6f"},
		{`ping "Hello"`, "890548656c6c6f"},
		{`pong "Hello" mask=37fa213d`, "8a8537fa213d7f9f4d5158"},
		{`bin len=126`, "827e007e" + hex.EncodeToString(fill(126))},
		{`bin len=65536`, "827f0000000000010000" + hex.EncodeToString(fill(65536))},
		{`bin hex=01 form=16`, "827e000101"},
		{`bin hex=01 form=64`, "827f000000000000000101"},
		{`bin hex=01 claim=0x8000000000000000`, "827f800000000000000001"},
		{`close`, "8800"},
		{`close 1000 "bye"`, "880503e8627965"},
		{`close hex=03`, "880103"},
		{`opcode=11 rsv=5`, "db00"},
		{`text rsv1`, "c100"},
		{`text rsv2`, "a100"},
		{`text rsv3 more`, "1100"},
		{`raw "a\r\n" hex=ff`, "610d0aff"},
		{`text "a" with ping with raw hex=00`, "810161890000"},
	} {
		p, err := play("syn\ns " + test.words + "")
		if err != nil {
			t.Fatalf("%s: %v", test.words, err)
		}
		if got := hex.EncodeToString(p.conns[1].ends[server].sent); got != test.want {
			t.Errorf("%s:\n got %.80s\nwant %.80s", test.words, got, test.want)
		}
	}
}

func TestHeads(t *testing.T) {
	p, err := play(`open /chat?a=b proto="x, y" field="Origin: null" field2="Server: s"`)
	if err != nil {
		t.Fatal(err)
	}
	const request = "GET /chat?a=b HTTP/1.1\r\nHost: server.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Protocol: x, y\r\nOrigin: null\r\n\r\n"
	const response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: x\r\nServer: s\r\n\r\n"
	if diff := cmp.Diff(request, string(p.conn.ends[client].sent)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(response, string(p.conn.ends[server].sent)); diff != "" {
		t.Error(diff)
	}
	p, err = play("syn\nresponse\n| HTTP/1.1 200 OK\n| Accept: {accept}\n|\n| {key}\\\n")
	if err != nil {
		t.Fatal(err)
	}
	const body = "HTTP/1.1 200 OK\r\nAccept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\ndGhlIHNhbXBsZSBub25jZQ=="
	if diff := cmp.Diff(body, string(p.conn.ends[server].sent)); diff != "" {
		t.Error(diff)
	}
}

// TestSegments shows what the TCP words make of a line. Each packet is written
// as who sent it, flags, number and payload, and what it acknowledges.
func TestSegments(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"the handshake", "syn", "cS0:  sSA0:→1  cA1:→1"},
		{"data and its answer", "syn\nc raw \"abc\"", "cS0:  sSA0:→1  cA1:→1  cPA1:abc→1  sA1:→4"},
		{"split", `c raw "abc" split=2`, "cA1:ab→1  sA1:→3  cPA3:c→1  sA1:→4"},
		{"again", `s raw "ab" again`, "sPA1:ab→1  sPA1:ab→1  cA1:→3"},
		{"again, differing", `s raw "ab" again differ noack`, "sPA1:ab→1  sPA1:`c→1"},
		{"lose", `s raw "ab" lose`, "cA1:→3"},
		{"lose one of three", `s raw "abc" split=1 lose=2 noack`, "sA1:a→1  sPA3:c→1"},
		{"lose, and again", `s raw "ab" lose again noack`, "sPA1:ab→1"},
		{"swap", "c raw \"ab\" swap\ns raw \"x\"\nc raw \"c\"", "sPA1:x→1  cA3:→2  cPA3:c→2  cPA1:ab→1  sA2:→4"},
		{"swap inside a line", `c raw "abc" split=1 swap=2`, "cA1:a→1  sA1:→2  cPA3:c→1  cA2:b→1  sA1:→4"},
		{"swap with the FIN", "c raw \"ab\" swap\nfin c", "cFA3:→1  cPA1:ab→1  sA1:→4"},
		{"join", "c raw \"ab\" join\ns raw \"x\"\nc raw \"c\"", "sPA1:x→1  cA1:→2  cPA1:abc→2  sA2:→4"},
		{"overlap", "c raw \"abc\" noack\nc raw \"de\" overlap=2 noack", "cPA1:abc→1  cPA2:bcde→1"},
		{"overlap, differing", "c raw \"abc\" noack\nc raw \"de\" overlap=2 differ noack", "cPA1:abc→1  cPA2:cbde→1"},
		{"resend", "c raw \"abcd\" noack\nresend c len=2 before=1 noack", "cPA1:abcd→1  cPA2:bc→1"},
		{"noack acknowledges nothing, not later either", "c raw \"ab\" noack\ns raw \"x\" noack\nack s\nack c noack",
			"cPA1:ab→1  sPA1:x→1  sA2:→3  cA3:→1"},
		{"seq", "rst s seq=-7\nc raw \"x\" seq=+5 noack\nc raw \"y\" noack", "sRA-6:→1  cPA6:x→1  cPA1:y→1"},
		{"keepalive", "keepalive c garbage\nkeepalive s", "cA0:.→1  sA1:→1  sA0:→1  cA1:→1"},
		{"fin", "fin", "sFA1:→1  cA1:→2  cFA1:→2  sA2:→2"},
		{"capture", "capture s\nc raw \"a\"\ncapture none\ns raw \"b\"\ncapture both\nack c", "sA1:→2  cA2:→2"},
	} {
		script := test.script
		skip := 0
		if !strings.HasPrefix(script, "syn") {
			script, skip = "syn isn=0\n"+script, 3
		}
		p, err := play(script)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for _, pkt := range p.packets[skip:] {
			got = append(got, draw(pkt, p.packets))
		}
		if got := strings.Join(got, "  "); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// draw writes a packet with numbers that begin at 0 with the SYN.
func draw(pkt capture.Packet, all []capture.Packet) string {
	tcp := pkt.Data[34:]
	who, zero, other := "c", number(all[0], 4), number(all[1], 4)
	if binary.BigEndian.Uint16(tcp) == 80 {
		who, zero, other = "s", other, zero
	}
	s := who
	for i, letter := range "FSRPA" {
		if tcp[13]>>i&1 == 1 {
			s += string(letter)
		}
	}
	payload := strings.ReplaceAll(string(tcp[tcp[12]>>2:]), "\x00", ".")
	s += fmt.Sprintf("%d:%s", int32(number(pkt, 4)-zero), payload)
	if tcp[13]&flagACK != 0 {
		s += fmt.Sprintf("→%d", int32(number(pkt, 8)-other))
	}
	return s
}

func number(pkt capture.Packet, at int) uint32 { return binary.BigEndian.Uint32(pkt.Data[34+at:]) }

func TestTimeAndNumbers(t *testing.T) {
	p, err := play("syn\nc raw \"a\" lose\nwait 60s\ns raw \"b\" cut=56 noack")
	if err != nil {
		t.Fatal(err)
	}
	last := p.packets[len(p.packets)-1]
	if got := last.Time.UTC().Format("2006-01-02 15:04:05.000"); got != "2026-01-02 03:05:05.005" {
		t.Errorf("the last packet's time is %s", got)
	}
	if last.Number != 5 || last.Length != 55 || len(last.Data) != 55 {
		t.Errorf("number %d, %d of %d bytes", last.Number, len(last.Data), last.Length)
	}
	p, err = play("syn\ns raw \"bcd\" cut=56")
	if err != nil {
		t.Fatal(err)
	}
	if cut := p.packets[3]; len(cut.Data) != 56 || cut.Length != 57 {
		t.Errorf("cut=56: %d of %d bytes", len(cut.Data), cut.Length)
	}
}

// TestIPFragments joins the fragments of a segment again.
func TestIPFragments(t *testing.T) {
	for _, version := range []string{"", " ipv6"} {
		whole, err := play("syn" + version + "\nc bin len=50")
		if err != nil {
			t.Fatal(err)
		}
		parts, err := play("syn" + version + "\nc bin len=50 ipfrag=17 noack")
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		head, field, unit := 34, 20, 8
		if version != "" {
			head, field, unit = 62, 56, 1
		}
		for i, pkt := range parts.packets[3:] {
			place := binary.BigEndian.Uint16(pkt.Data[field:])
			if at := int(place&0x1fff) * unit &^ 7; at != len(got) {
				t.Errorf("fragment %d%s: stands at %d, want %d", i, version, at, len(got))
			}
			more := place&0x2000 != 0 || version != "" && place&1 != 0
			if last := i == len(parts.packets)-4; more == last {
				t.Errorf("fragment %d%s: more is %v", i, version, more)
			}
			got = append(got, pkt.Data[head:]...)
		}
		want := whole.packets[3].Data[head:]
		if version != "" {
			want = whole.packets[3].Data[54:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("joined%s (-want +got):\n%s", version, diff)
		}
	}
}

func TestFaultsNameTheLine(t *testing.T) {
	for _, test := range []struct{ script, want string }{
		{"open /\nfly", `line 2: unknown verb "fly"`},
		{"c text", "line 1: c: no connection is open"},
		{"open / nonsense", "line 1: open: unknown word nonsense"},
		{"syn\nc \"x\"", "a frame needs one of"},
		{"syn\nc text \"x", "line 2: bad quotes"},
		{"syn\nc text hex=0g", "not hex digits"},
		{"syn\nc text len=-1", "not a number"},
		{"syn\nc text split=0", "must be more than 0"},
		{"syn\nc text form=8", "7, 16 or 64"},
		{"syn\nc bin len=126 form=7", "does not fit"},
		{"syn\nc text mask=00", "four bytes"},
		{"syn\nc text join", "join: nothing follows"},
		{"syn\nc text swap", "swap: nothing follows"},
		{"syn\nc text overlap=9", "only 0 bytes were sent"},
		{"syn\nresend c len=2", "2 of 0 bytes sent"},
		{"| GET", "a body without a verb"},
		{"+ ping", "+ continues nothing"},
		{"# want x", "a want without a verb"},
		{"open / link=token-ring", "no such link type"},
		{"wait soon", "line 1: wait:"},
		{"conn 0", "not a number from 1"},
		{"capture x", "one of c, s"},
	} {
		if _, err := play(test.script); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %q", test.script, err, test.want)
		}
	}
}
