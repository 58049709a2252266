package handshake

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// open leads r through a handshake.
func open(r *Reader, request, response string) *Handshake {
	r.Client([]byte(request))
	r.Server([]byte(response))
	return r.Handshake()
}

func TestReuse(t *testing.T) {
	many := strings.Replace(ask, "\r\n\r\n", strings.Repeat("\r\nX: y", 2*keptFields)+"\r\n\r\n", 1)
	refused := strings.Replace(agree, "101 Switching Protocols", "403 Forbidden", 1)
	var used Reader
	for _, c := range [][2]string{
		{ask, agree}, {many, agree}, {ask, refused},
		{"GET / HTTP/1.0\r\n\r\n", agree}, {ask, agree},
	} {
		var fresh Reader
		want, got := open(&fresh, c[0], c[1]), open(&used, c[0], c[1])
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Handshake{})); diff != "" {
			t.Fatalf("%.40q:\n%s", c[0], diff)
		}
		var target string
		if got.Request != nil {
			target = got.Request.Target
		}
		used.Reuse()
		if want.Request != nil && target != want.Request.Target {
			t.Errorf("a string of the handshake became %q", target)
		}
		if used.Handshake() != nil || used.Pending() != nil || used.Exchanges != 0 {
			t.Error("something is left of the handshake before")
		}
	}
}

// A head costs the one copy of its bytes.
func TestReuseAllocs(t *testing.T) {
	var r Reader
	request, response := []byte(ask), []byte(agree)
	n := testing.AllocsPerRun(100, func() {
		r.Client(request)
		r.Server(response)
		if valid, known := r.Handshake().AcceptValid(); !valid || !known {
			t.Fatal("the accept does not fit the key")
		}
		r.Reuse()
	})
	if n != 2 {
		t.Errorf("%v allocations for a handshake, want 2", n)
	}
}
