// Package session owns the connections of a capture. It strings the stages
// together and tells Observers what happened:
//
//	packet ─▶ segment ─▶ flow ─▶ chunk ─┬─▶ handshake ─┐
//	                                    └─▶ frames ────┴─▶ Event ─▶ Observer
//
// tracker.go finds the connection of a segment, conn.go leads its bytes
// through the handshake, websocket.go through the frames behind it, and
// verdict.go says at the end how it went. What the Observers may read of a
// connection before it is Closed is its ID, addresses and start; the rest of
// its Facts still grows.
package session

import (
	"math"
	"time"

	"github.com/wssniff/wssniff/tlsdecrypt"
)

// Config holds the limits and choices of a run. The zero value is the default.
type Config struct {
	Keep        int              // payload bytes kept of each message: a number, KeepAll or KeepNone; 0 means 256
	MaxMessage  int              // bytes of a message kept or inflated whatever Keep says; 0 means 64 MiB
	MaxFlows    int              // TCP connections followed at once; 0 means 1,000,000
	MaxMemory   int64            // bytes held in all: connections, early segments, messages, windows; 0 means 512 MiB
	MaxHeldFlow int              // bytes held out of order in one direction; 0 means 4 MiB
	DecodeAs    []uint16         // TCP ports whose connections are taken for WebSockets with no handshake seen
	Checksum    bool             // segments with a wrong checksum are left out
	Keys        *tlsdecrypt.Keys // secrets of TLS connections, if there are any; they may grow between packets
	KeysGrow    bool             // secrets may come after the packets that need them: those wait, within a bound
	MoreKeys    func()           // looks whether there are more, where a connection ends that waits for some; may be nil
	Counting    func(*Totals)    // is told, at the beginning of a run with one worker, where the counts grow; nil for nobody
	Keeper      Keeper           // is told of packets; nil for nobody
	Idle        time.Duration    // a connection without a packet for so long is given up; 0 means 24 hours
}

// Values of Config.Keep.
const (
	KeepNone = -1
	KeepAll  = math.MaxInt // up to MaxMessage
)

const (
	defaultKeep     = 256
	defaultMemory   = 512 << 20
	defaultIdle     = 24 * time.Hour
	tryIdle         = 5 * time.Minute // for a TCP handshake: common systems give up after two
	defaultMaxFlows = 1_000_000
	rememberedFor   = 1 << 18 // packets for which a connection without state is remembered: an ended one, for its late segments
	rememberedLeast = 4096    // connections without state that stay where memory is short
	maxEarly        = 1 << 20 // client bytes held for one connection until its upgrade is answered
	maxControl      = 4096    // payload bytes kept of a control frame; a legal one has 125
)

func (c *Config) keep() int {
	switch {
	case c.Keep == 0:
		return defaultKeep
	case c.Keep < 0:
		return 0
	}
	return c.Keep
}

func (c *Config) maxMemory() int64 {
	if c.MaxMemory == 0 {
		return defaultMemory
	}
	return c.MaxMemory
}

func (c *Config) idle() time.Duration {
	if c.Idle == 0 {
		return defaultIdle
	}
	return c.Idle
}

func (c *Config) maxFlows() int {
	if c.MaxFlows == 0 {
		return defaultMaxFlows
	}
	return c.MaxFlows
}
