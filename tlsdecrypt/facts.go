package tlsdecrypt

import "github.com/wssniff/wssniff/capture"

// A Side is one end of a TLS connection: who sent something.
type Side uint8

// The two ends. Who sends the ClientHello is the client, whatever end of the
// TCP connection that is.
const (
	Client Side = iota
	Server
)

// Where says which packet made something known.
type Where struct {
	Packet int64
	Time   capture.Time
}

// Facts is what a connection showed, with keys or without. It belongs to the
// Decrypter; slices and pointers in it are replaced, never written to.
type Facts struct {
	State   State
	Changes int // counted up with each fact that is new, but for the counts of Sides

	ClientHello *ClientHello // the first
	ServerHello *ServerHello // the last that was no HelloRetryRequest
	Retry       *ServerHello // the HelloRetryRequest (RFC 8446 §4.1.4)

	Random  [32]byte // the client's, by which the key log names the connection; zero if it is not known
	Version Version  // negotiated; 0 as long as no ServerHello was seen
	Suite   uint16   // negotiated
	ALPN    string   // negotiated, if it was seen: in 1.3 it is encrypted (RFC 7301 §3.1)

	Certificates [2][]Certificate // by Side: the chain it showed, its own first
	CertsSeen    [2]int           // by Side: Certificate messages; one without a certificate counts
	CertRequest  bool             // the server wants a certificate of the client

	Resumed                              bool   // no key exchange of its own: by session, ticket or pre-shared key
	EarlyData                            bool   // the client sent some (RFC 8446 §2.3)
	EarlyRefused                         bool   // and the server did not take it
	Renegotiated                         int    // handshakes after the first (RFC 5246 §7.4.1)
	KeyUpdates                           [2]int // by Side
	EncryptThenMAC, ExtendedMasterSecret bool

	Alerts []Alert // at most 16
	Sides  [2]Counts
}

// Lost says whether records are damaged or missing in the capture.
func (f *Facts) Lost() bool { return f.Sides[Client].LostRecords+f.Sides[Server].LostRecords > 0 }

// Counts is what one side sent.
type Counts struct {
	Records       int64  // all
	Encrypted     int64  // those of them under a key
	Decrypted     int64  // those of them that were decrypted
	Undecryptable int64  // those of them that could not be, though there was a key
	LostRecords   int64  // damaged, or missing in the capture as the numbering shows
	DataBytes     int64  // application data, decrypted
	CipherBytes   int64  // bodies of records under a key
	First         [8]int // lengths of the bodies of the first records under a key
	Last          int    // and of the last one
	Finished      bool   // seen to be sent: decrypted, or a record of its kind (TLS 1.2)
	CloseNotify   bool   // seen: the alert that ends its data (RFC 8446 §6.1)
	Ended         bool   // TCP ended it
}

// An Alert is an alert that could be read (RFC 8446 §6).
type Alert struct {
	Where
	From        Side
	Level       uint8 // 1 warning, 2 fatal
	Description uint8 // AlertName has its name
	Encrypted   bool
}

// Fatal says whether the alert ends the connection with an error.
func (a *Alert) Fatal() bool { return a.Level == 2 }

const maxAlerts = 16

// A State says how far the records of a connection can be read.
type State uint8

// The states, in the order in which a connection may go through them.
const (
	Handshaking    State = iota // in clear so far
	Waiting                     // there is no key yet; records are held
	Decrypting                  // with the key log's secrets
	NoKey                       // the key did not come in time, or not at all
	NoHello                     // the capture has not got the hellos: no way from the log to this connection
	Unsupported                 // the cipher suite or version is not one that is decrypted here
	Undecipherable              // there is a key, and it does not fit
)

// String says it in words.
func (s State) String() string {
	return [...]string{
		"handshake", "waiting for the key", "decrypted", "no key", "no hello captured",
		"cipher suite not supported", "the key does not fit",
	}[s]
}
