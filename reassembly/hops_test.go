package reassembly

import "testing"

// TestHops plays ends of connections whose last packet came another way than
// those before.
func TestHops(t *testing.T) {
	const A, C, S = FlagACK, FromClient, FromServer
	tests := []struct {
		name  string
		play  func(w *wire)
		of    Dir
		want  Hops
		apart int
	}{
		{"RST like the rest", func(w *wire) {
			w.send(S, A, 0, "abc", ttl(57))
			w.send(S, A|FlagRST, 3, "", ttl(57))
		}, S, Hops{57, 57, 57}, 0},
		{"RST from nearer", func(w *wire) {
			w.send(S, A|FlagSYN, -1, "", ttl(58))
			w.send(S, A, 0, "abc", ttl(57))
			w.send(S, A|FlagRST, 3, "", ttl(62))
		}, S, Hops{57, 58, 62}, 4},
		{"RST from farther, behind FIN", func(w *wire) {
			w.send(S, A, 0, "abc", ttl(57))
			w.send(S, A|FlagFIN, 3, "", ttl(57))
			w.send(S, A|FlagRST, 4, "", ttl(50))
		}, S, Hops{57, 57, 50}, 7},
		{"RST of the other end", func(w *wire) {
			w.send(S, A, 0, "abc", ttl(57))
			w.send(C, A|FlagRST, 0, "", ttl(64))
		}, S, Hops{57, 57, 0}, 0},
		{"first FIN", func(w *wire) {
			w.send(C, A, 0, "a", ttl(64))
			w.send(S, A, 0, "abc", ttl(57), w.ack(S, 1))
			w.send(C, A|FlagFIN, 1, "", ttl(60), w.ack(C, 3))
			w.send(S, A|FlagFIN, 3, "", ttl(57), w.ack(S, 2))
		}, C, Hops{64, 64, 60}, 4},
		{"RST behind nothing", func(w *wire) {
			w.send(C, FlagSYN, -1, "", ttl(64))
			w.send(S, A|FlagRST, 0, "", ttl(61), w.ack(S, 0))
		}, S, Hops{0, 0, 61}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(t, 1000)
			tt.play(w)
			if got, _ := w.stream.Hops(tt.of); got != tt.want || got.Apart() != tt.apart {
				t.Errorf("%+v, %d apart, want %+v, %d", got, got.Apart(), tt.want, tt.apart)
			}
		})
	}
}
