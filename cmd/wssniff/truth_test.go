package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const capturesDir = "../../testdata/captures"

// A truth is what the two ends of a recording said of it, in their own logs.
type truth struct {
	Capture     string
	Complete    bool // the capture holds all that the ends tell of
	LegsInNoLog int  `json:"legs_in_no_log"` // between proxies that do not tell of them
	Connections []struct {
		ClientPort  int `json:"client_port"`
		ServerPort  int `json:"server_port"`
		Target      string
		Status      int
		Subprotocol string
		Outcome     string
		H2Stream    int64 `json:"h2_stream"`
		Via         []map[string]any
		Client      *endpoint
		Server      *endpoint
	}
}

type endpoint struct {
	Sent, Received []content  // nil where the end logs frames only
	FramesSent     []frame    `json:"frames_sent"`
	PingsSent      *int       `json:"pings_sent"`
	PingsReceived  *int       `json:"pings_received"`
	PongsReceived  *int       `json:"pongs_received"`
	CloseSent      *closeBody `json:"close_sent"`
	CloseReceived  *closeBody `json:"close_received"`
}

type content struct {
	Kind   string
	Length int
	SHA256 string
}

type frame struct {
	Opcode int
	FIN    bool
	RSV    int
	Masked bool
	Length int
}

type closeBody struct {
	Code   int
	Reason string
}

// An event is a line of ndjson, as far as the tests look at it.
type event struct {
	Type       string
	Packet     int64
	Connection int64
	Direction  string
	Client     struct{ Port int }
	Server     struct{ Port int }

	Target, Subprotocol, State string
	Status                     int

	Kind                string
	Text                *string
	PayloadBase64       string `json:"payload_base64"`
	NotInflated         string `json:"not_inflated"`
	Complete, Truncated bool
	Length              int

	Opcode, RSV int
	FIN, Masked bool
	Missing     int
	Code        int
	Reason      string

	SentByClient  *sent `json:"sent_by_client"`
	SentByServer  *sent `json:"sent_by_server"`
	Clean         bool
	CloseCode     int   `json:"close_code"`
	TCPStream     int64 `json:"tcp_stream"`
	H2Stream      int64 `json:"h2_stream"`
	HandshakeSeen bool  `json:"handshake_seen"`
	Via           []map[string]any
}

type sent struct {
	Frames, Messages, Ping, Pong int
	Close                        *closeBody
}

func (e *event) content() content {
	data := []byte(nil)
	if e.Text != nil {
		data = []byte(*e.Text)
	} else {
		data, _ = base64.StdEncoding.DecodeString(e.PayloadBase64)
	}
	sum := sha256.Sum256(data)
	return content{e.Kind, len(data), hex.EncodeToString(sum[:])}
}

// events runs the program and reads its ndjson.
func events(t *testing.T, wantExit int, args ...string) []event {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"-f", "ndjson", "--no-redact", "--payload", "all"}, args...)
	if code := run(args, nil, &out, &errs); code != wantExit {
		t.Fatalf("wssniff %q: exit %d, want %d\n%s", args, code, wantExit, errs.String())
	}
	var all []event
	for dec := json.NewDecoder(&out); dec.More(); {
		var e event
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// TestTruth compares what the program says of each recorded capture with what
// the software at both ends said it sent and received.
func TestTruth(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(capturesDir, "*.truth.json"))
	if err != nil || len(files) < 25 {
		t.Fatalf("%d truth files, expected at least 25 (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var tr truth
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &tr); err != nil {
				t.Fatal(err)
			}
			compareTruth(t, &tr, events(t, exitOK, "-r", filepath.Join(capturesDir, tr.Capture)))
		})
	}
}

func compareTruth(t *testing.T, tr *truth, all []event) {
	listed := tr.LegsInNoLog
	for i := range tr.Connections {
		want := &tr.Connections[i]
		var of []event // of this connection
		id := int64(0)
		for _, e := range all {
			if want.ClientPort != 0 && e.Client.Port != want.ClientPort || e.Server.Port != want.ServerPort { // a page does not know its port
				continue
			}
			if e.Type == "connection" && !tr.Complete && e.H2Stream != want.H2Stream {
				continue // its target may not have been captured
			}
			if e.Type == "connection" && id == 0 || e.Type == "handshake" && e.Target == want.Target {
				id = e.Connection
			}
		}
		if id == 0 && !tr.Complete {
			continue // too little of it was captured to tell that it is a WebSocket
		}
		if id == 0 && want.Status == 0 && slices.ContainsFunc(all, func(e event) bool { return e.Type == "tls" && e.Client.Port == want.ClientPort }) {
			continue // TLS was there, and a client that left before it asked for anything
		}
		if id == 0 {
			t.Errorf("no connection from port %d to %d (%s)", want.ClientPort, want.ServerPort, want.Target)
			continue
		}
		listed++
		handshakes := 0
		for _, e := range all {
			if e.Connection != id {
				continue
			}
			of = append(of, e)
			if e.Type == "handshake" && e.Target == want.Target {
				handshakes++
				if answered := e.Status != 0 || tr.Complete; answered && (e.Status != want.Status || e.Subprotocol != want.Subprotocol) {
					t.Errorf("#%d %s: status %d, subprotocol %q; the endpoints say %d, %q", id, e.Target, e.Status, e.Subprotocol, want.Status, want.Subprotocol)
				}
				if e.H2Stream != want.H2Stream {
					t.Errorf("#%d %s: stream %d; the endpoints say %d", id, e.Target, e.H2Stream, want.H2Stream)
				}
			}
			if e.Type == "connection" && want.Via != nil {
				compareVia(t, id, want.Via, e.Via)
			}
			if e.Type == "connection" && tr.Complete {
				compareOutcome(t, &e, want.Target, want.Outcome)
			}
		}
		if handshakes == 0 && want.Status != 0 && tr.Complete {
			t.Errorf("#%d: no handshake for %s", id, want.Target)
		}
		if want.Status != 101 && (want.H2Stream == 0 || want.Status != 200) {
			continue // bytes that were sent, but never as frames
		}
		compareSide(t, tr.Complete, "client", want.Client, want.Server, of)
		compareSide(t, tr.Complete, "server", want.Server, want.Client, of)
	}
	for _, e := range all {
		if e.Type == "connection" && (e.HandshakeSeen || e.State != "refused") { // a proxy tries a server that is down
			listed--
		}
	}
	if listed < 0 {
		t.Errorf("%d connections more than the endpoints tell of", -listed)
	}
}

// compareVia holds the proxies that a connection passed against what the ends
// and the proxies know of them.
func compareVia(t *testing.T, id int64, want, got []map[string]any) {
	if len(want) != len(got) {
		t.Errorf("#%d: passed %v, the endpoints say %v", id, got, want)
		return
	}
	for i := range want {
		for key, value := range want[i] {
			if diff := cmp.Diff(value, got[i][key]); diff != "" {
				t.Errorf("#%d: %s of the proxy %d (-endpoint +wssniff):\n%s", id, key, i+1, diff)
			}
		}
	}
}

// compareOutcome holds the state against what the ends say. They say
// "aborted" where there was no whole closing handshake; if one of them sent a
// Close frame, the state is "closed" all the same, but not clean.
func compareOutcome(t *testing.T, e *event, target, outcome string) {
	state := e.State
	if oneClose := (e.SentByClient.Close == nil) != (e.SentByServer.Close == nil); state == "closed" && oneClose && !e.Clean {
		state = "aborted"
	}
	if outcome != "" && state != outcome {
		t.Errorf("#%d %s: state %s, the endpoints say %s", e.Connection, target, e.State, outcome)
	}
}

// compareSide holds the messages and closes of one direction against what its
// sender says it sent and its receiver says it received. A capture that is
// not complete may lack some, but says nothing else.
func compareSide(t *testing.T, complete bool, who string, from, to *endpoint, of []event) {
	var got []content
	var cut []frame
	pings, pongs := 0, 0
	var closed *closeBody
	for _, e := range of {
		if e.Direction != who {
			continue
		}
		if e.Type == "frame" {
			cut = append(cut, frame{e.Opcode, e.FIN, e.RSV, e.Masked, e.Length})
		}
		switch {
		case e.Type == "message" && e.NotInflated != "" && !complete: // its content is not claimed
		case e.Type == "message" && e.Complete && e.Length >= 0:
			got = append(got, e.content())
		case e.Type == "frame" && e.Opcode == 9:
			pings++
		case e.Type == "frame" && e.Opcode == 10:
			pongs++
		case e.Type == "frame" && e.Opcode == 8 && closed == nil:
			closed = &closeBody{e.Code, e.Reason}
			if e.Code == 0 { // an API tells of a Close frame without a code as 1005
				closed.Code = 1005
			}
		}
	}
	if from != nil && from.Sent == nil && complete {
		if diff := cmp.Diff(from.FramesSent, cut); diff != "" && len(from.FramesSent)+len(cut) > 0 {
			t.Errorf("%s sent frames (-endpoint +wssniff):\n%s", who, diff)
		}
	} else if from != nil {
		compareContents(t, complete, who+" sent", from.Sent, got)
	}
	if to != nil && to.Received != nil && complete && len(to.Received) > len(got) {
		t.Errorf("%s: %d messages, its peer received %d", who, len(got), len(to.Received))
	}
	if !complete || from == nil {
		return
	}
	if from.PingsSent != nil && *from.PingsSent != pings {
		t.Errorf("%s: %d pings, it sent %d", who, pings, *from.PingsSent)
	}
	if to != nil && to.PongsReceived != nil && *to.PongsReceived > pongs {
		t.Errorf("%s: %d pongs, its peer received %d", who, pongs, *to.PongsReceived)
	}
	if from.CloseSent != nil {
		if diff := cmp.Diff(from.CloseSent, closed); diff != "" {
			t.Errorf("%s: close sent (-endpoint +wssniff):\n%s", who, diff)
		}
	}
}

func compareContents(t *testing.T, complete bool, what string, want, got []content) {
	if complete {
		if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Errorf("%s (-endpoint +wssniff):\n%s", what, diff)
		}
		return
	}
	next := 0 // each complete message was sent, in this order
	for _, g := range got {
		for next < len(want) && want[next] != g {
			next++
		}
		if next == len(want) {
			t.Errorf("%s: a message that was not sent: %+v", what, g)
			return
		}
		next++
	}
}
