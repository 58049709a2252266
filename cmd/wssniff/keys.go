package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/wssniff/wssniff/capture"
	"github.com/wssniff/wssniff/tlsdecrypt"
)

// A keyring gathers the secrets of TLS connections: those of key logs, which
// are read on as they grow, and those that the captures hold.
type keyring struct {
	tlsdecrypt.Keys
	logs     []*keylog
	blocks   int // of the captures' secrets, taken
	stderr   io.Writer
	warnings int
	looked   capture.Time // when the logs were looked at last
	grows    bool         // the logs may grow
}

// A keylog is one key log. It is opened once it is there: a browser makes its
// own when it needs it first.
type keylog struct {
	name string
	file *os.File
	log  *tlsdecrypt.Log
}

// openKeys reads the key logs. One that is not there is an error, unless it
// may come while packets do.
func openKeys(names []string, grow bool, stderr io.Writer) (*keyring, error) {
	r := &keyring{stderr: stderr, looked: capture.NoTime, grows: grow}
	for _, name := range names {
		l := &keylog{name: name, log: r.Log(name)}
		r.logs = append(r.logs, l)
		err := l.open()
		if errors.Is(err, fs.ErrNotExist) && grow {
			fmt.Fprintf(stderr, "wssniff: --keylog %s: not there yet; it is read as soon as it is\n", name)
			continue
		}
		if err == nil {
			err = r.readOn(l)
		}
		if err != nil {
			r.close()
			return nil, hinted("SSLKEYLOGFILE=keys.log before a browser or curl, node --tls-keylog=keys.log, KeyLogWriter in Go make one",
				"--keylog: %w", err)
		}
		if !grow {
			r.warn(l.log.Flush())
		}
	}
	if len(names) > 0 && !grow && r.Len() == 0 {
		fmt.Fprintln(stderr, "wssniff: warning: --keylog: no secret of TLS is in it")
	}
	return r, nil
}

func (l *keylog) open() (err error) {
	info, err := os.Stat(l.name)
	if err == nil && info.IsDir() {
		return fmt.Errorf("%s: is a folder", l.name)
	}
	if err == nil {
		l.file, err = os.Open(l.name)
	}
	return err
}

// readOn reads what is new in a log.
func (r *keyring) readOn(l *keylog) error {
	if l.file == nil {
		return nil
	}
	var b [16 << 10]byte
	for {
		n, err := l.file.Read(b[:])
		r.warn(l.log.Write(b[:n]))
		if err == io.EOF || n == 0 && err == nil {
			clear(b[:])
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// lookEvery is how often the key logs are looked at, in time of the packets.
const lookEvery = capture.Time(50e6)

// follow looks whether a log has grown.
func (r *keyring) follow(now capture.Time) {
	if r == nil || now != capture.NoTime && r.looked != capture.NoTime && now-r.looked < lookEvery {
		return
	}
	r.looked = now
	for _, l := range r.logs {
		if l.file == nil && l.open() != nil {
			continue
		}
		r.readOn(l) // what cannot be read today may be tomorrow
	}
}

func (r *keyring) grow() bool { return r != nil && r.grows && len(r.logs) > 0 }

// end reads what the logs have got by the end of the packets.
func (r *keyring) end() {
	r.follow(capture.NoTime)
	for _, l := range r.logs {
		r.warn(l.log.Flush())
	}
}

// nssKeyLog is the type of secrets that are a key log (pcapng §4.7).
const nssKeyLog = 0x544c534b

// take takes the secrets that the captures have held so far.
func (r *keyring) take(secrets []capture.Secret) {
	if r == nil {
		return
	}
	for ; r.blocks < len(secrets); r.blocks++ {
		s := &secrets[r.blocks]
		if s.Type != nssKeyLog {
			continue
		}
		l := r.Log("decryption secrets block " + strconv.Itoa(r.blocks+1))
		r.warn(l.Write(s.Data))
		r.warn(l.Flush())
	}
}

// warn says which lines are no secrets. They are not repeated: they may be
// secrets all the same.
func (r *keyring) warn(warnings []tlsdecrypt.Warning) {
	const most = 5
	for i := range warnings {
		if r.warnings++; r.warnings <= most {
			fmt.Fprintf(r.stderr, "wssniff: warning: %s\n", warnings[i])
		}
		if r.warnings == most+1 {
			fmt.Fprintln(r.stderr, "wssniff: warning: more lines of key logs were not understood")
		}
	}
}

func (r *keyring) close() {
	for _, l := range r.logs {
		if l.file != nil {
			l.file.Close()
		}
	}
}
