package subprotocol

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestJSONFault holds where text stops being JSON, and how that is called.
func TestJSONFault(t *testing.T) {
	for _, c := range []struct {
		text  string
		at    int
		fault Fault
	}{
		{`{"a":[1,-2.5e+3,true,false,null,"\u00e9\n"]} `, -1, NoFault},
		{`{"a":1`, 6, Truncated}, {`{"a":"x`, 7, Truncated}, {`[tr`, 3, Truncated}, {``, 0, Truncated}, {`{"a"`, 4, Truncated},
		{`{}{}`, 2, Joined}, {"{}\n{}", 3, Lines}, {`{} x`, 3, Behind}, {"{}\x00", 2, NUL},
		{"\xef\xbb\xbf{}", 0, ByteOrder}, {"<html>", 0, Markup}, {"[object Object]", 0, Object},
		{`{'a':1}`, 1, SingleQuote}, {`['a']`, 1, SingleQuote}, {`{"a":NaN}`, 5, BareWord}, {`{"a":undefined}`, 5, BareWord}, {`{"a":-Infinity}`, 6, BareWord},
		{`{a:1}`, 1, BareName}, {`{"a":1,}`, 7, Comma}, {`[1,]`, 3, Comma}, {`[,1]`, 1, Comma},
		{"[\"a\nb\"]", 3, Control}, {`["\x"]`, 2, Escape}, {`["\u12g4"]`, 2, Escape}, {`[01]`, 1, Number}, {`[+1]`, 1, Number}, {`[1.]`, 3, Number}, {`[0x10]`, 2, Number},
		{`{"a":1/*b*/}`, 6, Comment}, {`eyJhIjoxLCJiIjoyfQ==`, 0, Base64}, {`[@]`, 1, Unexpected}, {`{"a" 1}`, 5, Unexpected},
	} {
		if at, fault := JSONFault([]byte(c.text)); at != c.at || fault != c.fault {
			t.Errorf("%q: at %d %v, want %d %v", c.text, at, fault, c.at, c.fault)
		}
	}
}

// TestJSONFaultAgrees holds that what encoding/json takes is what is without fault.
func TestJSONFaultAgrees(t *testing.T) {
	letters := rapid.SampledFrom([]string{"{", "}", "[", "]", ":", ",", `"`, `"a"`, `\`, "u00e9", "1", "0", "-", ".", "e", "+", "true", "nul", "null", " ", "\n", "x", "\x00", "\x1f"})
	rapid.Check(t, func(t *rapid.T) {
		s := ""
		for _, l := range rapid.SliceOfN(letters, 1, 12).Draw(t, "letters") {
			s += l
		}
		if at, fault := JSONFault([]byte(s)); (at < 0) != json.Valid([]byte(s)) {
			t.Fatalf("%q: %v at %d", s, fault, at)
		}
	})
}

// TestSniff holds what messages of no protocol are taken for.
func TestSniff(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{`> {"type":"chat","token":"x"}`, "json object chat"},
		{`> [1,2]`, "json array"},
		{`> {"a":`, ""},
		{`> hello world`, ""},
		{`>B {"op":"x"}`, "json object x"},
		{">B \x82\xa4name\xa3abc\xa3age\x05", "msgpack map"},
		{">B \x93\xa5hello\xcd\x01\x02\xc3", "msgpack array"},
		{">B \xa2\x64name\x63abc\x63age\x05", "cbor map"},
		{">B \xbf\x64name\x63abc\x63age\x05\xff", "cbor map"},
		{">B \x0a\x05hello\x10\x05\x1a\x02\x08\x01", "protobuf message"},
		{">B \x00\x01\x02\x03\x04\x05\x06\x07\x08", ""},
		{">B GIF89a\x01\x00\x01\x00", ""},
	} {
		var in Info
		got := ""
		if Sniff(say(c.message), &in) {
			got = string(in.Append(nil))
		}
		if got != c.want {
			t.Errorf("%q is %q, want %q", c.message, got, c.want)
		}
	}
}
