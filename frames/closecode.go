package frames

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A CloseCode says why an endpoint closed the connection (RFC 6455 §7.4).
type CloseCode uint16

// The close codes that this project speaks of by name. The table behind Name
// has all that are registered.
const (
	NormalClosure    CloseCode = 1000
	GoingAway        CloseCode = 1001
	ProtocolError    CloseCode = 1002
	UnsupportedData  CloseCode = 1003
	NoStatusReceived CloseCode = 1005 // what an API says of a Close frame without a code
	AbnormalClosure  CloseCode = 1006 // what an API says where there was no Close frame
	InvalidPayload   CloseCode = 1007
	PolicyViolation  CloseCode = 1008
	MessageTooBig    CloseCode = 1009
	InternalError    CloseCode = 1011
	TLSHandshake     CloseCode = 1015 // what an API says of a failed TLS handshake
)

// MaxCloseReason is the longest close reason that fits a control frame, in bytes.
const MaxCloseReason = MaxControlPayload - 2

const iana = "IANA WebSocket Close Code Number Registry"

// A closeRow says what is known of the codes from first to last.
type closeRow struct {
	first, last CloseCode
	name        string // as registered; "" where the range has none
	meaning     string
	sendable    bool // may stand in a Close frame
	source      string
}

// The registry of RFC 6455 §11.7 in order, without gaps: every code has a row.
var closeCodes = []closeRow{
	{0, 999, "", "not a close code: numbers below 1000 are not used", false, "RFC 6455 §7.4.2"},
	{1000, 1000, "Normal Closure", "the connection has done what it was opened for", true, "RFC 6455 §7.4.1"},
	{1001, 1001, "Going Away", "the server is shutting down, or the page was left", true, "RFC 6455 §7.4.1"},
	{1002, 1002, "Protocol error", "the other side broke the WebSocket protocol", true, "RFC 6455 §7.4.1"},
	{1003, 1003, "Unsupported Data", "this kind of message (text or binary) is not accepted", true, "RFC 6455 §7.4.1"},
	{1004, 1004, "Reserved", "reserved, without a meaning", false, "RFC 6455 §7.4.1"},
	{1005, 1005, "No Status Rcvd", "the Close frame had no code", false, "RFC 6455 §7.4.1"},
	{1006, 1006, "Abnormal Closure", "the connection ended without a Close frame", false, "RFC 6455 §7.4.1"},
	{1007, 1007, "Invalid frame payload data", "a message does not fit its type, like text that is not UTF-8", true, "RFC 6455 §7.4.1"},
	{1008, 1008, "Policy Violation", "a message or the client is against the server's rules", true, "RFC 6455 §7.4.1"},
	{1009, 1009, "Message Too Big", "a message is larger than the receiver takes", true, "RFC 6455 §7.4.1"},
	{1010, 1010, "Mandatory Ext.", "the client needs an extension that the server did not grant", true, "RFC 6455 §7.4.1"},
	{1011, 1011, "Internal Error", "the server met a condition it could not handle", true, "RFC 6455 §7.4.1"},
	{1012, 1012, "Service Restart", "the server restarts: reconnect after a random delay", true, iana},
	{1013, 1013, "Try Again Later", "the server is overloaded: reconnect later, or elsewhere", true, iana},
	{1014, 1014, "Bad Gateway", "a gateway had an invalid answer from the server behind it", true, iana},
	{1015, 1015, "TLS handshake", "the TLS handshake failed", false, "RFC 6455 §7.4.1"},
	{1016, 2999, "", "unassigned, kept for the protocol and its extensions", false, "RFC 6455 §7.4.2"},
	{3000, 3000, "Unauthorized", "the client must authenticate first", true, iana},
	{3001, 3002, "", "for libraries and frameworks, unassigned", true, "RFC 6455 §7.4.2"},
	{3003, 3003, "Forbidden", "the client may not do this", true, iana},
	{3004, 3007, "", "for libraries and frameworks, unassigned", true, "RFC 6455 §7.4.2"},
	{3008, 3008, "Timeout", "the other side took too long", true, iana},
	{3009, 3999, "", "for libraries and frameworks, unassigned", true, "RFC 6455 §7.4.2"},
	{4000, 4999, "", "private: the application gives it its meaning", true, "RFC 6455 §7.4.2"},
	{5000, 65535, "", "not a close code: numbers above 4999 are not used", false, "RFC 6455 §7.4.2"},
}

func (c CloseCode) row() *closeRow {
	i, _ := slices.BinarySearchFunc(closeCodes, c, func(r closeRow, c CloseCode) int {
		return int(r.last) - int(c)
	})
	return &closeCodes[i]
}

// String is the number and, where one is registered, the name: "1000 Normal Closure".
func (c CloseCode) String() string {
	if name := c.Name(); name != "" {
		return fmt.Sprintf("%d %s", uint16(c), name)
	}
	return strconv.Itoa(int(c))
}

// Name is the registered name, "" for a code that has none (RFC 6455 §11.7).
func (c CloseCode) Name() string { return c.row().name }

// Meaning says in a few words what the code, or the range it is in, is for.
func (c CloseCode) Meaning() string { return c.row().meaning }

// Source is where the code is defined: a section of an RFC or the registry.
func (c CloseCode) Source() string { return c.row().source }

// Sendable reports whether the code may stand in a Close frame. 1005, 1006
// and 1015 exist only in what an API tells its program (RFC 6455 §7.4.1).
func (c CloseCode) Sendable() bool { return c.row().sendable }

// A CloseBody is the payload of a Close frame (RFC 6455 §5.5.1).
type CloseBody struct {
	Code        CloseCode // meaningful if HasCode
	HasCode     bool
	Reason      string // as sent: perhaps not UTF-8, perhaps longer than a control frame allows
	ReasonValid bool   // Reason is valid UTF-8; true of an empty one
}

// DecodeClose decodes the unmasked payload of a Close frame, whatever its
// length: of one byte no code can be made, and HasCode stays false.
func DecodeClose(payload []byte) CloseBody {
	if len(payload) < 2 {
		return CloseBody{ReasonValid: true}
	}
	reason := payload[2:]
	return CloseBody{
		Code:        CloseCode(binary.BigEndian.Uint16(payload)),
		HasCode:     true,
		Reason:      string(reason),
		ReasonValid: utf8.Valid(reason),
	}
}
