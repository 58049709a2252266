package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestApplications holds what the messages of real applications mean, and the
// error that each of them reports.
func TestApplications(t *testing.T) {
	for name, want := range map[string][]string{
		"app-socketio": {
			"✗ application error: socket.io CONNECT_ERROR: who are you?",
			"socket.io EVENT add id 0", "socket.io ACK id 0", "socket.io ping  2", "socket.io pong  3", "socket.io DISCONNECT",
		},
		"app-graphql": {
			"graphql-transport-ws connection_init", "graphql-transport-ws connection_ack", "graphql-transport-ws subscribe id ",
			"graphql-transport-ws next id ", "graphql-transport-ws complete id ", "! application error: graphql-transport-ws error: Cannot query field",
		},
		"app-stomp": {
			"stomp CONNECT ", "stomp CONNECTED ", "stomp SUBSCRIBE /topic/a", "stomp MESSAGE /topic/a", "stomp heartbeat",
			"✗ application error: stomp ERROR: access to /denied refused",
		},
		"app-mqtt": {
			"mqtt part of a packet", "mqtt CONNECT MQTT 3.1.1  ••••••••", "✗ application error: mqtt CONNACK code 4, bad user name or pass",
			"mqtt SUBSCRIBE room/1 id ", "mqtt SUBACK id ", "mqtt PUBLISH room/1 id ", "mqtt PUBACK id ", "mqtt PINGREQ", "mqtt PINGRESP", "mqtt DISCONNECT",
		},
	} {
		var out, errs bytes.Buffer
		file := filepath.Join(capturesDir, name+".pcap")
		if code := run([]string{"-l", "messages", "-r", file}, nil, &out, &errs); code != exitOK {
			t.Fatalf("%s: exit %d\n%s", name, code, errs.String())
		}
		for _, line := range want {
			if !strings.Contains(out.String(), line) {
				t.Errorf("%s: %q is not in\n%s", name, line, out.String())
			}
		}
		for _, secret := range []string{"lovelace", "6c 6f 76 65", "67 75 65 73"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: %q is shown", name, secret)
			}
		}
	}
}
