package handshake

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var extensionCases = []struct {
	value string
	want  []Extension
}{
	{"", nil},
	{" , ;, ;;", nil},
	{"permessage-deflate", []Extension{{Name: "permessage-deflate"}}},
	{"a; b; c=1 , d", []Extension{{"a", []Param{{Name: "b"}, {"c", "1", true, false}}}, {Name: "d"}}},
	{"a;b = \"x, \\\"y;\" ;c=,d", []Extension{{"a", []Param{{"b", "x, \"y;", true, true}, {"c", "", true, false}}}, {Name: "d"}}},
	{`a;b="never`, []Extension{{"a", []Param{{"b", "never", true, true}}}}},
	{"a=b;;=c\t;d", []Extension{{"a=b", []Param{{"", "c", true, false}, {Name: "d"}}}}},
	{`a;b="x"junk;c`, []Extension{{"a", []Param{{"b", "x", true, true}, {Name: "c"}}}}},
}

func TestParseExtensions(t *testing.T) {
	for _, c := range extensionCases {
		if diff := cmp.Diff(c.want, ParseExtensions(c.value)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.value, diff)
		}
	}
}

func TestExtensionString(t *testing.T) {
	const text = `a; b; c=1; d="x \"y\\"; e=`
	list := ParseExtensions(text)
	if len(list) != 1 || list[0].String() != text {
		t.Errorf("got %v, want %s", list, text)
	}
}

func TestDeflate(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   Deflate
		agreed bool
	}{
		{nil, Deflate{false, false, 15, 15}, false},
		{[]string{"x-webkit-deflate-frame"}, Deflate{false, false, 15, 15}, false},
		{[]string{"permessage-deflate"}, Deflate{false, false, 15, 15}, true},
		{[]string{"foo, Permessage-Deflate;server_no_context_takeover; client_max_window_bits=10"}, Deflate{true, false, 15, 10}, true},
		{[]string{"foo", `permessage-deflate; client_no_context_takeover; server_max_window_bits="8"`}, Deflate{false, true, 8, 15}, true},
		{[]string{"permessage-deflate; server_max_window_bits=7; client_max_window_bits"}, Deflate{false, false, 15, 15}, true},
		{[]string{"permessage-deflate; server_max_window_bits=99999999999999999999; client_max_window_bits=1x"}, Deflate{false, false, 15, 15}, true},
		{[]string{"permessage-deflate; server_max_window_bits=9, permessage-deflate"}, Deflate{false, false, 9, 15}, true},
	} {
		h := &Handshake{Established: true, Response: &Head{Status: 101}}
		for _, v := range c.values {
			h.Response.Fields = append(h.Response.Fields, Field{Name: "sec-websocket-extensions", Value: v})
		}
		got, agreed := h.Deflate()
		if got != c.want || agreed != c.agreed {
			t.Errorf("%q: %+v %v, want %+v %v", c.values, got, agreed, c.want, c.agreed)
		}
		h.Established = false
		if _, agreed := h.Deflate(); agreed {
			t.Errorf("%q: agreed by an answer that established nothing", c.values)
		}
	}
}

func TestCountToken(t *testing.T) {
	f := Fields{{Name: "Connection", Value: "keep-alive, Upgrade"}, {Name: "connection ", Value: ", UPGRADE,"}, {Name: "Upgrade", Value: "x"}}
	for _, c := range []struct {
		name, token string
		n, all      int
	}{
		{"Connection", "upgrade", 2, 3}, {"Connection", "close", 0, 3}, {"Upgrade", "upgrade", 0, 1}, {"Host", "upgrade", 0, 0},
	} {
		if n, all := f.CountToken(c.name, c.token); n != c.n || all != c.all {
			t.Errorf("CountToken(%q, %q) = %d of %d, want %d of %d", c.name, c.token, n, all, c.n, c.all)
		}
		if all := len(f.Tokens(c.name)); all != c.all {
			t.Errorf("%d Tokens(%q), CountToken has %d", all, c.name, c.all)
		}
	}
}
