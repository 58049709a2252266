package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/capture"
)

// A keepFile is the pcapng file that -w writes, or the ring of them. Blocks
// reach it soon and are not begun before they are whole, so that it can be read
// whatever ends the program: a kill in the middle of a write can cut the last one.
type keepFile struct {
	name    string
	ring    ring
	file    *os.File
	out     *capture.Writer
	buf     []byte // whole blocks that are not written yet
	size    int64  // bytes in the file
	flushed capture.Time
	packets int64
	secrets map[int64][]byte // of connections that go on, by stream: each file of the ring needs them
	next    int
	err     error
	failed  func(error) // is told of err when it happens; nil for nobody
}

// A ring bounds what is kept: so many files of so many bytes; without files it is one without bound.
type ring struct {
	size  int64
	files int
}

// tlsKeyLog is the type of secrets in the NSS key log form.
const tlsKeyLog = 0x544c534b

const (
	keepBuffer = 64 << 10
	keepPeriod = 100 * time.Millisecond // of packet time, after which blocks are written
)

func openKeep(name string, r ring) (*keepFile, error) {
	k := &keepFile{name: name, ring: r, secrets: make(map[int64][]byte)}
	if err := k.open(); err != nil {
		return nil, err
	}
	return k, nil
}

// open begins the file, or the next one of the ring.
func (k *keepFile) open() error {
	name := k.name
	if k.ring.files > 0 {
		ext := filepath.Ext(name)
		name = strings.TrimSuffix(name, ext) + "." + strconv.Itoa(k.next%k.ring.files) + ext
		k.next++
	}
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("-w: %w", err)
	}
	k.file, k.out, k.size = file, capture.NewWriter(k), 0
	if err := k.out.Flush(); err != nil {
		return err
	}
	streams := make([]int64, 0, len(k.secrets))
	for s := range k.secrets {
		streams = append(streams, s)
	}
	slices.Sort(streams)
	for _, s := range streams {
		k.out.WriteSecret(capture.Secret{Type: tlsKeyLog, Data: k.secrets[s]})
	}
	k.flush() // it can be read from now on
	return k.err
}

// Write implements io.Writer for the blocks that capture.Writer makes.
func (k *keepFile) Write(b []byte) (int, error) {
	k.buf = append(k.buf, b...)
	if len(k.buf) >= keepBuffer {
		k.flush()
	}
	return len(b), nil
}

// flush writes whole blocks. What the disk does not take is taken off again,
// so that the file ends with a block.
func (k *keepFile) flush() {
	if k.err != nil || len(k.buf) == 0 {
		k.buf = k.buf[:0]
		return
	}
	n, err := k.file.Write(k.buf)
	if err != nil {
		if n > 0 {
			k.file.Truncate(k.size)
		}
		k.fail(fmt.Errorf("-w: %w; what was written before can be read", err))
	} else {
		k.size += int64(n)
	}
	k.buf = k.buf[:0]
}

// fail notes that nothing can be written any more.
func (k *keepFile) fail(err error) {
	k.err = err
	if k.failed != nil {
		k.failed(err)
	}
}

// write adds a packet.
func (k *keepFile) write(p *capture.Packet) {
	if k.err != nil {
		return
	}
	if k.ring.files > 0 && k.size+int64(len(k.buf)+len(p.Data)) > k.ring.size {
		k.flush()
		k.file.Close()
		if err := k.open(); err != nil {
			k.fail(err)
			return
		}
	}
	k.out.Write(p)
	k.packets++
	if p.Time.Sub(k.flushed) >= keepPeriod {
		k.flushed = p.Time
		k.flush()
	}
}

// secret adds the secrets of a connection, before its packets.
func (k *keepFile) secret(stream int64, lines []byte) {
	if len(lines) == 0 || k.err != nil {
		return
	}
	k.secrets[stream] = lines
	k.out.WriteSecret(capture.Secret{Type: tlsKeyLog, Data: lines})
}

func (k *keepFile) forget(stream int64) { delete(k.secrets, stream) }

func (k *keepFile) close() error {
	k.flush()
	if err := k.file.Close(); k.err == nil && err != nil {
		k.err = fmt.Errorf("-w: %w", err)
	}
	return k.err
}
