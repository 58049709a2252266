package capture

import "github.com/google/gopacket"

// A PacketDataSource lets a Source feed programs written for gopacket: it is
// both a [gopacket.PacketDataSource] and a [gopacket.ZeroCopyPacketDataSource].
// The link type, which gopacket wants to be told once, is that of the packet
// read last.
type PacketDataSource struct {
	Source
	LinkType LinkType

	packet Packet
}

// ZeroCopyReadPacketData reads a packet. Its bytes are lent until the next
// one is read.
func (s *PacketDataSource) ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error) {
	p := &s.packet
	if err := s.Read(p); err != nil {
		return nil, gopacket.CaptureInfo{}, err
	}
	s.LinkType = p.LinkType
	return p.Data, gopacket.CaptureInfo{
		Timestamp:     p.Time.UTC(),
		CaptureLength: len(p.Data),
		Length:        p.Length,
	}, nil
}

// ReadPacketData reads a packet, with a copy of its bytes to keep.
func (s *PacketDataSource) ReadPacketData() ([]byte, gopacket.CaptureInfo, error) {
	data, info, err := s.ZeroCopyReadPacketData()
	return append([]byte(nil), data...), info, err
}
