package tlsdecrypt

import "crypto/sha256"

// message takes a handshake message.
func (d *Decrypter) message(h *half, s Side, it *held, kind byte, body []byte) {
	f := &d.facts
	where := Where{it.from.Packet, it.from.Time}
	switch kind {
	case msgClientHello:
		hello := parseClientHello(body)
		hello.Where = where
		d.clientHello(s, hello)
		f.Changes++
	case msgServerHello:
		hello := parseServerHello(body)
		hello.Where = where
		d.serverHello(hello)
		f.Changes++
	case msgEncryptedExtensions:
		var early bool
		f.ALPN, early = encryptedExtensions(body)
		d.decideEarly(early)
		f.Changes++
	case msgEndOfEarlyData:
		if h.epoch == earlyData {
			h.epoch, h.key = handshake13, nil
		}
	case msgTicket:
		if f.Version < TLS13 && len(body) > 6 && d.Keys != nil { // RFC 5077 §3.3
			d.note(sha256.Sum256(body[6:]), d.origin, where.Packet)
		}
	case msgClientKeyExchange:
		if len(body) >= 2+len(d.rsa) {
			d.rsa = [8]byte(body[2:])
			d.look()
		}
	case msgCertificate:
		f.Certificates[s] = parseChain(body, f.Version)
		f.CertsSeen[s]++
		f.Changes++
	case msgCertificateRequest:
		f.CertRequest = true
		f.Changes++
	case msgServerKeyExchange:
		f.Resumed = false
	case msgFinished:
		f.Sides[s].Finished = true
		f.Changes++
		if h.epoch == handshake13 {
			h.epoch, h.key = traffic13, nil
			h.messages.reset()
		}
	case msgKeyUpdate:
		if h.epoch == traffic13 && h.key != nil {
			h.secret = updated(d.suite.hash, h.secret)
			h.key = newKey13(d.suite, h.secret)
			f.KeyUpdates[s]++
			f.Changes++
		}
	}
}

func (d *Decrypter) clientHello(s Side, hello *ClientHello) {
	f := &d.facts
	switch {
	case f.ClientHello == nil:
		d.swapped = d.swapped != (s == Server)
		if s == Server {
			f.Sides[0], f.Sides[1] = f.Sides[1], f.Sides[0]
		}
		f.ClientHello = hello
	case f.Retry == nil && f.ServerHello != nil:
		f.Renegotiated++
	}
	d.client = hello.Random
	if f.ClientHello == hello {
		f.Random = hello.Random
	}
	f.EarlyData = f.EarlyData || hello.EarlyData
	client := d.of(Client)
	switch {
	case hello.EarlyData && f.Retry == nil:
		d.early = undecided
		client.epoch = earlyData
	case f.Retry != nil:
		client.epoch = inClear
	}
	d.look()
}

func (d *Decrypter) serverHello(hello *ServerHello) {
	f := &d.facts
	if hello.Retry() {
		f.Retry = hello
		d.decideEarly(false)
		d.of(Client).epoch, d.of(Client).key = inClear, nil
		return
	}
	f.ServerHello, f.Version, f.Suite = hello, hello.Version, hello.Suite
	f.EncryptThenMAC, f.ExtendedMasterSecret = hello.EncryptThenMAC, hello.ExtendedMasterSecret
	d.server, d.sessionID, d.etm = hello.Random, hello.SessionID, hello.EncryptThenMAC
	if hello.Version>>8 == 0x7f { // a draft of 1.3
		f.Version = TLS13
	}
	f.Resumed = hello.PSK
	if c := f.ClientHello; f.Version != TLS13 {
		f.ALPN = hello.ALPN
		f.Resumed = c != nil && len(c.SessionID) > 0 && string(c.SessionID) == string(hello.SessionID)
	}
	d.suite, _ = suiteOf(hello.Suite)
	if f.Version == TLS13 {
		server, client := d.of(Server), d.of(Client)
		server.epoch, server.key = handshake13, nil
		if d.early != undecided {
			client.epoch, client.key = handshake13, nil
		}
	}
	if d.suite == nil || d.suite.protection == unsupported || f.Version < TLS10 || f.Version > TLS13 {
		d.state(Unsupported)
	}
	d.look()
	d.retry = true
}

// look looks the connection up among the secrets: by its own random, else by
// the session that it resumes.
func (d *Decrypter) look() {
	d.origin = d.client
	if d.Keys == nil {
		return
	}
	d.secrets = d.Keys.byRandom[d.client]
	if d.secrets == nil && len(d.sessionID) > 0 {
		d.secrets = d.Keys.byID[string(d.sessionID)]
	}
	if pre := d.Keys.byRSA[d.rsa]; d.secrets == nil && pre != nil {
		d.secrets = new(secrets)
		d.secrets.of[premasterSecret] = pre
	}
	if f := &d.facts; f.ServerHello == nil || f.Version == TLS13 || f.ClientHello == nil {
		return
	}
	if !d.facts.Resumed {
		if len(d.sessionID) > 0 {
			d.note(sha256.Sum256(d.sessionID), d.client, d.facts.ServerHello.Packet)
		}
		return
	}
	if d.secrets != nil {
		return
	}
	if random, ok := d.Keys.resumes(d.resumed()); ok {
		d.origin = random
		d.secrets = d.Keys.byRandom[random]
	}
}

// note notes a session that came with a packet, and whose secret it has.
func (d *Decrypter) note(session, random [32]byte, packet int64) {
	n := note{packet: packet, session: session, random: random}
	if d.facts.Resumed && d.secrets == nil && d.facts.ClientHello != nil {
		n.resumed, n.of = true, d.resumed()
	}
	d.Keys.remember(n)
}

// resumed gives the names of the session that is resumed: its ticket, its id.
func (d *Decrypter) resumed() [2][32]byte {
	return [2][32]byte{d.facts.ClientHello.ticket, sha256.Sum256(d.sessionID)}
}

// install makes the key that a half needs now, if its secret is there.
func (d *Decrypter) install(h *half, s Side) bool {
	if d.secrets == nil || d.suite == nil || d.suite.protection == unsupported {
		return false
	}
	var secret []byte
	switch h.epoch {
	case ciphered:
		h.key = d.key12(s)
		return h.key != nil
	case earlyData:
		if d.early != accepted {
			return false
		}
		secret = d.secrets.of[earlySecret]
		if secret == nil { // all of it is passed over
			h.epoch = handshake13
			d.early = refused
			secret = d.secrets.of[clientHandshake]
		}
	case handshake13:
		secret = d.secrets.of[clientHandshake+label(s)]
		if secret == nil && d.secrets.of[clientTraffic+label(s)] != nil {
			h.epoch, secret = traffic13, d.secrets.of[clientTraffic+label(s)]
		}
	case traffic13:
		secret = d.secrets.of[clientTraffic+label(s)]
	}
	h.key, h.secret = newKey13(d.suite, secret), secret
	return h.key != nil
}

// key12 makes a key from the master secret, or from what it is made of (RFC
// 5246 §8.1; not where RFC 7627 makes it of more).
func (d *Decrypter) key12(s Side) *key {
	master := d.secrets.of[masterSecret]
	hash := d.suite.hash
	if pre := d.secrets.of[premasterSecret]; master == nil && pre != nil && !d.facts.ExtendedMasterSecret {
		seed := append(append([]byte("master secret"), d.client[:]...), d.server[:]...)
		master = prf(d.facts.Version, hash, pre, seed, 48)
	}
	if master == nil {
		return nil
	}
	return newKey12(d.suite, d.facts.Version, master, &d.client, &d.server, s, d.etm)
}
