package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/wssniff/wssniff/internal/trafficgen"
)

// BenchmarkRun is the program on captures of each shape. With
// -cpuprofile=default.pgo it makes the profile that the compiler goes by.
func BenchmarkRun(b *testing.B) {
	for _, shape := range trafficgen.Shapes {
		shape.Packets = 100_000
		file := filepath.Join(b.TempDir(), shape.Name+".pcap")
		var capture bytes.Buffer
		if _, err := trafficgen.Write(&capture, shape); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, capture.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		for _, form := range []string{"text", "ndjson"} {
			b.Run(shape.Name+"/"+form, func(b *testing.B) {
				b.SetBytes(int64(capture.Len()))
				b.ReportAllocs()
				for b.Loop() {
					if code := run([]string{"-r", file, "-f", form, "-l", "none"}, nil, io.Discard, io.Discard); code != exitOK {
						b.Fatalf("exit %d", code)
					}
				}
			})
		}
	}
}
