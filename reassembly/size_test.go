package reassembly

import (
	"testing"
	"unsafe"
)

// A Stream is there once per connection, of which a hundred thousand may be
// open: what is rare has its memory elsewhere.
func TestStreamIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(Stream{}); got > 200 {
		t.Errorf("a Stream has %d bytes, want at most 200", got)
	}
}
