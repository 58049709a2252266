package subprotocol

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestWeights(t *testing.T) {
	var w Weights
	w.Add([]byte(`{"price":1,"size":2}`))
	if w.Keys != 0 {
		t.Errorf("%d bytes of keys that were there before, in the first message", w.Keys)
	}
	w.Add([]byte(`{"price":"a\"b:","size":2,"new":"price"}`))
	if want := int64(len(`"price":"size":`)); w.Keys != want {
		t.Errorf("%d bytes of keys that were there before, want %d", w.Keys, want)
	}
	w.Add([]byte("no JSON"))
	if want := int64(len(`{"price":1,"size":2}{"price":"a\"b:","size":2,"new":"price"}`)); w.Bytes != want {
		t.Errorf("%d bytes, want %d", w.Bytes, want)
	}
	picture := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("picture\xff\x00?", 20)))
	w.Add([]byte(`{"price":"` + picture + `","note":"` + strings.Repeat("plain text ", 20) + `"}`))
	if want := int64(len(picture)); w.Base64 != want {
		t.Errorf("%d bytes of base64, want %d", w.Base64, want)
	}
	for _, broken := range []string{`{"`, `{"a`, `{"a\`, `{"a":"`, `["`, `{`} {
		w.Add([]byte(broken))
	}
}
