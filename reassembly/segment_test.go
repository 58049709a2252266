package reassembly

import "testing"

func TestFlags(t *testing.T) {
	f := FlagSYN | FlagACK
	if !f.Has(FlagSYN) || !f.Has(FlagSYN|FlagACK) || f.Has(FlagSYN|FlagFIN) || f.Has(FlagRST) {
		t.Errorf("%08b", f)
	}
	// RFC 9293 §3.1 draws them so.
	for i, f := range []Flags{FlagFIN, FlagSYN, FlagRST, FlagPSH, FlagACK, FlagURG, FlagECE, FlagCWR} {
		if f != 1<<i {
			t.Errorf("bit %d is %08b", i, f)
		}
	}
}

func TestOption(t *testing.T) {
	tests := []struct {
		name    string
		options string
		kind    byte
		want    string
		ok      bool
	}{
		{"MSS", "\x02\x04\x05\xb4", OptionMSS, "\x05\xb4", true},
		{"behind others", "\x02\x04\x05\xb4\x01\x03\x03\x07", OptionWindowScale, "\x07", true},
		{"empty", "\x04\x02\x01\x01", OptionSACKPermitted, "", true},
		{"the first of two", "\x03\x03\x01\x03\x03\x02", OptionWindowScale, "\x01", true},
		{"absent", "\x02\x04\x05\xb4", OptionTimestamps, "", false},
		{"behind the end of options", "\x00\x03\x03\x07", OptionWindowScale, "", false},
		{"within another", "\x02\x04\x03\x03", OptionWindowScale, "", false},
		{"behind a length of 1", "\x1e\x01\x03\x03\x07", OptionWindowScale, "", false},
		{"behind a length of 0", "\x1e\x00\x03\x03\x07", OptionWindowScale, "", false},
		{"length past the end", "\x02\x05\x05\xb4", OptionMSS, "", false},
		{"cut after the kind", "\x01\x01\x01\x02", OptionMSS, "", false},
		{"none at all", "", OptionMSS, "", false},
	}
	for _, tt := range tests {
		s := Segment{Options: []byte(tt.options)}
		if got, ok := s.Option(tt.kind); string(got) != tt.want || ok != tt.ok {
			t.Errorf("%s: %x, %v; want %x, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}
