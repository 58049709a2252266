package trafficgen

import (
	"encoding/binary"
	"slices"
)

// A late packet is captured when so many others have been.
type late struct {
	packet []byte
	after  int
}

// spoil writes a packet with data, unless it comes late or not at all.
func (g *generator) spoil(packet []byte) {
	switch {
	case g.shape.Lost > 0 && g.rng.Float64() < g.shape.Lost:
		g.truth.LostSegments++
		return
	case g.shape.Late > 0 && g.rng.Float64() < g.shape.Late:
		g.late = append(g.late, late{slices.Clone(packet), 1 + g.rng.IntN(3)})
		return
	case g.shape.Twice > 0 && g.rng.Float64() < g.shape.Twice:
		g.late = append(g.late, late{slices.Clone(packet), 1 + g.rng.IntN(8)})
	}
	g.record(packet)
}

// record writes a packet, then those whose time has come.
func (g *generator) record(packet []byte) {
	g.put(packet)
	for i := range g.late {
		g.late[i].after--
	}
	for len(g.late) > 0 && g.late[0].after <= 0 {
		g.overdue()
	}
}

func (g *generator) overdue() {
	packet := g.late[0].packet
	g.late = g.late[1:]
	g.put(packet)
}

// put writes a packet with its record header.
func (g *generator) put(packet []byte) {
	g.now += 1000 + g.rng.Uint64N(8000)
	var record [16]byte
	binary.LittleEndian.PutUint32(record[0:], uint32(g.now/1_000_000_000))
	binary.LittleEndian.PutUint32(record[4:], uint32(g.now%1_000_000_000))
	binary.LittleEndian.PutUint32(record[8:], uint32(len(packet)))
	binary.LittleEndian.PutUint32(record[12:], uint32(len(packet)))
	g.write(record[:])
	g.write(packet)
	g.truth.Packets++
	g.truth.Bytes += int64(len(packet))
}
