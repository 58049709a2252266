package frames

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCloseCodesLeaveNoGap(t *testing.T) {
	next := 0
	for _, r := range closeCodes {
		if int(r.first) != next || r.last < r.first {
			t.Errorf("row %d-%d: want it to begin at %d", r.first, r.last, next)
		}
		if r.meaning == "" || r.source == "" {
			t.Errorf("row %d-%d has no meaning or source", r.first, r.last)
		}
		next = int(r.last) + 1
	}
	if next != 1<<16 {
		t.Errorf("the last row ends at %d", next-1)
	}
}

func TestCloseCodes(t *testing.T) {
	for _, tt := range []struct {
		code     CloseCode
		text     string
		sendable bool
	}{
		{0, "0", false}, {999, "999", false},
		{1000, "1000 Normal Closure", true}, {1001, "1001 Going Away", true},
		{1002, "1002 Protocol error", true}, {1003, "1003 Unsupported Data", true},
		{1004, "1004 Reserved", false}, {1005, "1005 No Status Rcvd", false},
		{1006, "1006 Abnormal Closure", false}, {1007, "1007 Invalid frame payload data", true},
		{1008, "1008 Policy Violation", true}, {1009, "1009 Message Too Big", true},
		{1010, "1010 Mandatory Ext.", true}, {1011, "1011 Internal Error", true},
		{1012, "1012 Service Restart", true}, {1013, "1013 Try Again Later", true},
		{1014, "1014 Bad Gateway", true}, {1015, "1015 TLS handshake", false},
		{1016, "1016", false}, {2999, "2999", false},
		{3000, "3000 Unauthorized", true}, {3001, "3001", true}, {3003, "3003 Forbidden", true},
		{3008, "3008 Timeout", true}, {3999, "3999", true},
		{4000, "4000", true}, {4999, "4999", true}, {5000, "5000", false}, {65535, "65535", false},
	} {
		if tt.code.String() != tt.text || tt.code.Sendable() != tt.sendable {
			t.Errorf("%d: %q, sendable %v; want %q, %v", uint16(tt.code), tt.code, tt.code.Sendable(), tt.text, tt.sendable)
		}
		if tt.code.Meaning() == "" || !strings.Contains(tt.text, tt.code.Name()) {
			t.Errorf("%d: name %q, meaning %q", uint16(tt.code), tt.code.Name(), tt.code.Meaning())
		}
	}
}

func TestDecodeClose(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tt := range []struct {
		payload string
		want    CloseBody
	}{
		{"", CloseBody{ReasonValid: true}},
		{"\x03", CloseBody{ReasonValid: true}},
		{"\x03\xe8", CloseBody{NormalClosure, true, "", true}},
		{"\x03\xe9bye", CloseBody{GoingAway, true, "bye", true}},
		{"\x00\x00\xff", CloseBody{0, true, "\xff", false}},
		{"\x0f\xa0" + long, CloseBody{4000, true, long, true}},
		{"\x03\xea\xe2\x82", CloseBody{ProtocolError, true, "\xe2\x82", false}},
	} {
		if got := DecodeClose([]byte(tt.payload)); got != tt.want {
			t.Errorf("DecodeClose(%q) = %+v; want %+v", tt.payload, got, tt.want)
		}
	}
}

func FuzzDecodeClose(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3})
	f.Add([]byte("\x03\xe8done"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := DecodeClose(b)
		if got.HasCode != (len(b) >= 2) {
			t.Fatalf("HasCode = %v of %d bytes", got.HasCode, len(b))
		}
		if !got.HasCode {
			return
		}
		if want := CloseCode(b[0])<<8 | CloseCode(b[1]); got.Code != want || got.Reason != string(b[2:]) {
			t.Fatalf("%x gives %+v", b, got)
		}
		if got.ReasonValid != utf8.ValidString(got.Reason) {
			t.Fatalf("ReasonValid = %v of %q", got.ReasonValid, got.Reason)
		}
		_ = got.Code.String() // whatever the code, it has a row
	})
}
