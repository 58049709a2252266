package capture

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

var (
	_ gopacket.PacketDataSource         = (*PacketDataSource)(nil)
	_ gopacket.ZeroCopyPacketDataSource = (*PacketDataSource)(nil)
)

func TestPacketDataSource(t *testing.T) {
	packets := sample(5, LinkLinuxSLL2)
	packets[2].Length = 9999
	form := classic
	form.link = uint32(LinkLinuxSLL2)
	f, err := Open([]string{"-"}, &Config{Stdin: bytes.NewReader(form.file(packets))})
	if err != nil {
		t.Fatal(err)
	}
	src := &PacketDataSource{Source: f}
	defer src.Close()
	var kept [][]byte
	for i, w := range packets {
		read := src.ReadPacketData
		if i%2 == 1 {
			read = src.ZeroCopyReadPacketData
		}
		data, info, err := read()
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, data)
		if string(data) != w.Data || info.Length != w.Length || info.CaptureLength != len(w.Data) ||
			!info.Timestamp.Equal(time.Unix(0, int64(w.Time))) || src.LinkType != LinkLinuxSLL2 {
			t.Errorf("packet %d: %x %+v", i+1, data, info)
		}
	}
	if _, _, err := src.ReadPacketData(); err != io.EOF {
		t.Errorf("%v at the end", err)
	}
	if string(kept[0]) != packets[0].Data || string(kept[4]) != packets[4].Data {
		t.Error("ReadPacketData lent its bytes")
	}
}

func ExamplePacketDataSource() {
	var file bytes.Buffer
	w := NewWriter(&file)
	frame := make([]byte, 60)
	copy(frame[12:], "\x88\xb5") // for local experiments
	w.Write(&Packet{LinkType: LinkEthernet, Data: frame, Length: 60})

	f, err := Open([]string{"-"}, &Config{Stdin: &file})
	if err != nil {
		panic(err)
	}
	defer f.Close()
	packets := gopacket.NewPacketSource(&PacketDataSource{Source: f}, layers.LinkTypeEthernet)
	packet, err := packets.NextPacket()
	if err != nil {
		panic(err)
	}
	fmt.Println(packet.Layer(layers.LayerTypeEthernet) != nil)
	// Output: true
}
