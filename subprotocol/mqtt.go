package subprotocol

// MQTT 3.1, 3.1.1 and 5: a byte of type and flags, a length, and what the
// type has.

var mqttTypes = [...]word{
	{}, {"CONNECT", Hello}, {"CONNACK", Welcome}, {"PUBLISH", Event}, {"PUBACK", Reply}, {"PUBREC", Reply}, {"PUBREL", Event}, {"PUBCOMP", Reply},
	{"SUBSCRIBE", Request}, {"SUBACK", Reply}, {"UNSUBSCRIBE", Request}, {"UNSUBACK", Reply}, {"PINGREQ", Ping}, {"PINGRESP", Pong}, {"DISCONNECT", Bye}, {"AUTH", Other},
}

// Of mqttTypes.
const (
	mqttConnect    = 1
	mqttConnack    = 2
	mqttPublish    = 3
	mqttPuback     = 4
	mqttSubscribe  = 8
	mqttSuback     = 9
	mqttUnsuback   = 11
	mqttDisconnect = 14
)

const mqttFailed = 0x80 // the codes from here on are errors

// mqttLevels are the versions by the level that CONNECT names.
var mqttLevels = map[uint8]string{3: "MQTT 3.1", 4: "MQTT 3.1.1", 5: "MQTT 5"}

// mqttRefusals are the codes of CONNACK up to 3.1.1.
var mqttRefusals = [...]string{
	"", "unacceptable protocol version", "client identifier rejected", "server unavailable", "bad user name or password", "not authorized",
}

// mqttReasons are the codes of MQTT 5 that are errors.
var mqttReasons = map[uint8]string{
	0x80: "unspecified error", 0x81: "malformed packet", 0x82: "protocol error", 0x83: "implementation specific error",
	0x84: "unsupported protocol version", 0x85: "client identifier not valid", 0x86: "bad user name or password",
	0x87: "not authorized", 0x88: "server unavailable", 0x89: "server busy", 0x8a: "banned", 0x8b: "server shutting down",
	0x8c: "bad authentication method", 0x8d: "keep alive timeout", 0x8e: "session taken over", 0x8f: "topic filter invalid",
	0x90: "topic name invalid", 0x91: "packet identifier in use", 0x92: "packet identifier not found",
	0x93: "receive maximum exceeded", 0x94: "topic alias invalid", 0x95: "packet too large", 0x96: "message rate too high",
	0x97: "quota exceeded", 0x98: "administrative action", 0x99: "payload format invalid", 0x9a: "retain not supported",
	0x9b: "QoS not supported", 0x9c: "use another server", 0x9d: "server moved", 0x9e: "shared subscriptions not supported",
	0x9f: "connection rate exceeded", 0xa0: "maximum connect time", 0xa1: "subscription identifiers not supported",
	0xa2: "wildcard subscriptions not supported",
}

func guessMQTT(m *Message) bool {
	const connectHead = mqttConnect << 4
	if m.Text || !m.FromClient || m.Data[0] != connectHead {
		return false
	}
	_, n := uvarint(m.Data[1:])
	name, _ := mqttString(m.Data[1+n:])
	return n > 0 && (string(name) == "MQTT" || string(name) == "MQIsdp")
}

func readMQTT(r *Reader, m *Message, in *Info) bool {
	if m.Text {
		return false
	}
	b, whole, more := r.mqttPacket(m)
	if b == nil {
		in.Type = "part of a packet"
		return true
	}
	in.Cut, in.More = !whole, more
	flags, t := b[0], int(b[0]>>4)
	if t == 0 || t == 15 && r.version != 5 {
		return false
	}
	in.Type, in.Kind = mqttTypes[t].text, mqttTypes[t].kind
	_, n := uvarint(b[1:])
	b = b[1+n:]
	switch {
	case t == mqttConnect:
		readMQTTConnect(r, in, b)
	case t == mqttPublish:
		var rest []byte
		in.Name, rest = mqttString(b)
		if qos := flags >> 1 & 3; qos > 0 && len(rest) >= 2 {
			in.ID, in.Kind = mqttID(r, rest), Request
		}
	case t == mqttConnack && len(b) >= 2:
		mqttOutcome(r, in, b[1])
		in.Fatal = in.Kind == Error
	case t >= mqttPuback && t <= mqttUnsuback && len(b) >= 2:
		readMQTTAnswer(r, in, t, b)
	case t == mqttDisconnect && len(b) >= 1:
		mqttOutcome(r, in, b[0])
		in.Fatal = in.Kind == Error
	}
	return true
}

// An mqttSide is the packet that one end has begun.
type mqttSide struct {
	held      []byte // its beginning, at most mqttHeld bytes
	size, got uint64 // its bytes, and how many of them came; size is 0 as long as its length is not whole
}

const (
	mqttHeld = 128
	mqttHead = 5 // bytes of type and length at most
)

// mqttPacket gives the first packet that ends in the message, or its
// beginning: libraries send a packet in one message, in several of a byte or
// two, or several packets in one. It is nil if none ends, and more counts those
// behind it.
func (r *Reader) mqttPacket(m *Message) (first []byte, whole bool, more int) {
	if r.mqtt == nil {
		r.mqtt = new([2]mqttSide)
	}
	s := &r.mqtt[0]
	if m.FromClient {
		s = &r.mqtt[1]
	}
	for at := uint64(0); at < m.Length; {
		if s.size == 0 {
			if at >= uint64(len(m.Data)) || len(s.held) > mqttHead { // not there, or no length
				*s = mqttSide{held: s.held[:0]}
				return first, whole, more
			}
			s.held = append(s.held, m.Data[at])
			at++
			if length, n := uvarint(s.held[1:]); n > 0 {
				s.got = uint64(len(s.held))
				s.size = s.got + length
			}
		}
		if s.size == 0 {
			continue
		}
		if n := min(s.size-s.got, m.Length-at); n > 0 {
			if at < uint64(len(m.Data)) {
				b := m.Data[at:min(at+n, uint64(len(m.Data)))]
				s.held = append(s.held, b[:min(len(b), mqttHeld-len(s.held))]...)
			}
			at, s.got = at+n, s.got+n
		}
		if s.got < s.size {
			break
		}
		if first == nil {
			r.buf = append(r.buf[:0], s.held...)
			first, whole = r.buf, s.size == uint64(len(s.held))
		} else {
			more++
		}
		*s = mqttSide{held: s.held[:0]}
	}
	return first, whole, more
}

// readMQTTConnect takes the version from a CONNECT, and nothing of who asks.
func readMQTTConnect(r *Reader, in *Info, b []byte) {
	_, rest := mqttString(b)
	if len(rest) == 0 {
		return
	}
	level := rest[0]
	if level == 5 {
		r.version = 5
	}
	name, known := mqttLevels[level]
	if known && (r.named == "mqttv3.1") != (level == 3) && r.named != "" {
		in.Foreign = name
	}
	in.Name = []byte(name)
}

// readMQTTAnswer reads what has a packet identifier.
func readMQTTAnswer(r *Reader, in *Info, t int, b []byte) {
	in.ID = mqttID(r, b)
	switch {
	case t == mqttSuback || t == mqttUnsuback:
		mqttOutcome(r, in, b[len(b)-1])
		in.Answer = in.Kind == Error
	case t < mqttSubscribe && r.version == 5 && len(b) > 2:
		mqttOutcome(r, in, b[2])
		in.Answer = in.Kind == Error
	case t == mqttSubscribe && r.version != 5:
		in.Name, _ = mqttString(b[2:])
	}
}

// mqttOutcome reads a code.
func mqttOutcome(r *Reader, in *Info, code uint8) {
	switch {
	case in.Type == "CONNACK" && r.version != 5 && code > 0:
		if int(code) < len(mqttRefusals) {
			in.Means = mqttRefusals[code]
		}
	case code >= mqttFailed:
		in.Means = mqttReasons[code]
	default:
		return
	}
	in.Kind, in.Code = Error, r.decimal(uint64(code))
}

// mqttString reads a string with its length before it, cut off where b is.
func mqttString(b []byte) (s, rest []byte) {
	if len(b) < 2 {
		return nil, nil
	}
	n := int(b[0])<<8 | int(b[1])
	b = b[2:]
	return b[:min(n, len(b))], b[min(n, len(b)):]
}

// mqttID is a packet identifier in decimal digits.
func mqttID(r *Reader, b []byte) []byte { return r.decimal(uint64(b[0])<<8 | uint64(b[1])) }
