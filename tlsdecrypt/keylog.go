package tlsdecrypt

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// Keys are the secrets of key logs in the NSS form: what SSLKEYLOGFILE names,
// and what the decryption secrets blocks of pcapng hold. They are never
// printed. Keys are not for concurrent use, for Decrypters note sessions in
// them; but see Part.
type Keys struct {
	logs     []*Log
	byRandom map[[32]byte]*secrets
	byID     map[string]*secrets // by session id (an old form of TLS 1.2)
	byRSA    map[[8]byte][]byte  // premaster secrets by the beginning of their encrypted form
	order    []*secrets          // as they came

	sessions map[[32]byte][32]byte // see remember
	parts    []*Keys               // see Part
	together func()                // called before parts end
	part     bool                  // of others, as long as whole is nil
	whole    *Keys                 // instead of these, if not nil
	notes    []note                // of a part
	version  int                   // counted up with each secret that is new
	full     bool
	tried    int64 // bytes that trials have cost
}

// The secrets of a log, told from each other by their label.
type label uint8

const (
	masterSecret label = iota
	premasterSecret
	earlySecret
	clientHandshake
	serverHandshake
	clientTraffic
	serverTraffic
	numLabels
	ignored
)

// labels are those of the form, with what they are kept as.
var labels = map[string]label{
	"CLIENT_RANDOM":                   masterSecret,
	"PMS_CLIENT_RANDOM":               premasterSecret,
	"CLIENT_EARLY_TRAFFIC_SECRET":     earlySecret,
	"CLIENT_HANDSHAKE_TRAFFIC_SECRET": clientHandshake,
	"SERVER_HANDSHAKE_TRAFFIC_SECRET": serverHandshake,
	"CLIENT_TRAFFIC_SECRET_0":         clientTraffic,
	"SERVER_TRAFFIC_SECRET_0":         serverTraffic,
	"EARLY_EXPORTER_SECRET":           ignored,
	"EARLY_EXPORTER_MASTER_SECRET":    ignored,
	"EXPORTER_SECRET":                 ignored,
	"ECH_SECRET":                      ignored,
	"ECH_CONFIG":                      ignored,
}

// secrets are those of one connection.
type secrets struct {
	random [32]byte
	of     [numLabels][]byte
}

// Bounds on what is kept: a line, and connections.
const (
	maxLine        = 1 << 10
	maxConnections = 1 << 18
)

// A Warning says that a line of a key log was not understood, without
// repeating any of it.
type Warning struct {
	Name   string // of the log
	Line   int    // counted from 1
	Reason string
}

// String is the warning as one line.
func (w Warning) String() string { return fmt.Sprintf("%s:%d: %s", w.Name, w.Line, w.Reason) }

// A Log is one key log that is read bit by bit, as it grows.
type Log struct {
	keys *Keys
	name string
	line int
	rest []byte // of a line that is not complete
	long bool   // a line longer than maxLine is being passed over
}

// Log begins a key log of that name. What it holds is for all connections
// that ask these Keys.
func (k *Keys) Log(name string) *Log {
	l := &Log{keys: k, name: name}
	k.logs = append(k.logs, l)
	return l
}

// Lines are the secrets of the connection whose ClientHello has that random, as
// lines of a key log; nil if there are none by it.
func (k *Keys) Lines(random [32]byte) (lines []byte) {
	s := k.byRandom[random]
	if s == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if l := labels[name]; l != ignored && s.of[l] != nil {
			lines = fmt.Appendf(lines, "%s %x %x\n", name, random, s.of[l])
		}
	}
	return lines
}

// Len is the number of connections that there are secrets for.
func (k *Keys) Len() int { return len(k.now().order) }

// Version is counted up with each secret that is new.
func (k *Keys) Version() int { return k.version }

// Write takes the next bytes of a log; a line may be split over calls. What
// was not understood comes back as warnings, never as an error.
func (l *Log) Write(b []byte) (warnings []Warning) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			l.keep(b)
			return warnings
		}
		l.keep(b[:i])
		b = b[i+1:]
		warnings = l.end(warnings)
	}
	return warnings
}

// Flush takes the last line, if no end of line follows it: a log that is read
// to its end, or a block of secrets.
func (l *Log) Flush() (warnings []Warning) {
	if len(l.rest) > 0 || l.long {
		warnings = l.end(nil)
	}
	return warnings
}

func (l *Log) keep(b []byte) {
	if l.long = l.long || len(l.rest)+len(b) > maxLine; l.long {
		l.rest = l.rest[:0]
		return
	}
	l.rest = append(l.rest, b...)
}

func (l *Log) end(warnings []Warning) []Warning {
	l.line++
	reason := "longer than any line of a key log"
	l.keys.join()
	if !l.long {
		reason = l.keys.add(bytes.TrimSpace(l.rest))
	}
	clear(l.rest)
	l.rest, l.long = l.rest[:0], false
	if reason != "" {
		warnings = append(warnings, Warning{l.name, l.line, reason})
	}
	return warnings
}

// add takes a line; it says what is wrong with it.
func (k *Keys) add(line []byte) (reason string) {
	if len(line) == 0 || line[0] == '#' {
		return ""
	}
	f := bytes.Fields(line)
	if len(f) == 3 && string(f[0]) == "RSA" {
		return k.addRSA(f[1], f[2])
	}
	if len(f) != 3 {
		return "not a label and two values"
	}
	lb, ok := labels[string(f[0])]
	switch {
	case lb == ignored && ok, !ok && derived(f[0]):
		return ""
	case !ok:
		return "unknown label"
	}
	var random [32]byte
	if hex.DecodedLen(len(f[1])) != len(random) {
		return "the client random has not got 64 hexadecimal digits"
	}
	if _, err := hex.Decode(random[:], f[1]); err != nil {
		return "the client random is not hexadecimal"
	}
	secret, reason := decodeSecret(lb, f[2])
	if reason != "" {
		return reason
	}
	s := k.byRandom[random]
	if s == nil {
		if k.byRandom == nil {
			k.byRandom = map[[32]byte]*secrets{}
		}
		if s, reason = k.another(); s == nil {
			return reason
		}
		s.random = random
		k.byRandom[random] = s
	}
	if !bytes.Equal(s.of[lb], secret) {
		s.of[lb] = secret
		k.version++
	}
	return ""
}

// derived says whether a label is of a secret that follows from another one:
// those behind a KeyUpdate, as some log them.
func derived(name []byte) bool {
	return bytes.HasPrefix(name, []byte("CLIENT_TRAFFIC_SECRET_")) || bytes.HasPrefix(name, []byte("SERVER_TRAFFIC_SECRET_"))
}

// another makes room for the secrets of one more connection.
func (k *Keys) another() (s *secrets, reason string) {
	if len(k.order) >= maxConnections {
		if k.full {
			return nil, ""
		}
		k.full = true
		return nil, fmt.Sprintf("more than %d connections: this one and those after it are not kept", maxConnections)
	}
	s = new(secrets)
	k.order = append(k.order, s)
	return s, ""
}

func decodeSecret(lb label, text []byte) (secret []byte, reason string) {
	n := hex.DecodedLen(len(text))
	switch {
	case len(text)%2 != 0:
		return nil, "the secret has an odd number of hexadecimal digits"
	case lb == masterSecret && n != 48:
		return nil, "a master secret has 96 hexadecimal digits"
	case lb != masterSecret && (n < 16 || n > 256):
		return nil, "the secret has a length that none has"
	}
	secret = make([]byte, n)
	if _, err := hex.Decode(secret, text); err != nil {
		return nil, "the secret is not hexadecimal"
	}
	return secret, ""
}

// addRSA takes the two old forms: RSA and the beginning of the encrypted
// premaster secret, and RSA Session-ID:… Master-Key:….
func (k *Keys) addRSA(a, b []byte) (reason string) {
	if id, ok := bytes.CutPrefix(a, []byte("Session-ID:")); ok {
		text, ok := bytes.CutPrefix(b, []byte("Master-Key:"))
		raw := make([]byte, hex.DecodedLen(len(id)))
		if _, err := hex.Decode(raw, id); err != nil || !ok || len(raw) > 32 {
			return "not a session id and a master key"
		}
		secret, reason := decodeSecret(masterSecret, text)
		if reason != "" || k.byID[string(raw)] != nil || len(raw) == 0 {
			return reason
		}
		if k.byID == nil {
			k.byID = map[string]*secrets{}
		}
		s, reason := k.another()
		if s != nil {
			s.of[masterSecret] = secret
			k.byID[string(raw)] = s
			k.version++
		}
		return reason
	}
	var key [8]byte
	if len(a) != 16 {
		return "RSA wants 16 hexadecimal digits of the encrypted secret"
	}
	if _, err := hex.Decode(key[:], a); err != nil {
		return "the encrypted secret is not hexadecimal"
	}
	secret, reason := decodeSecret(premasterSecret, b)
	if reason == "" && k.byRSA[key] == nil && len(k.byRSA) < maxConnections {
		if k.byRSA == nil {
			k.byRSA = map[[8]byte][]byte{}
		}
		k.byRSA[key] = secret
		k.version++
	}
	return reason
}
