package main

import (
	"strings"
	"testing"

	"github.com/wssniff/wssniff/diagnose"
	"github.com/wssniff/wssniff/internal/casetest"
	"github.com/wssniff/wssniff/report"
)

// TestHeadlines: of several findings of a connection, the cause leads and what
// follows from it does not.
func TestHeadlines(t *testing.T) {
	const end = "s close 1002\nc close 1002\nfin\n"
	for _, test := range []struct{ script, lead, follows string }{
		{"open /\nc text \"a\" unmasked\n" + end, "masking-wrong.client-unmasked", "close-code-info"},
		{"open /\nc opcode=3 \"a\"\n" + end, "unknown-opcode", "close-code-info"},
		{"open /\nc text rsv2 \"a\"\n" + end, "reserved-bits-set", "close-code-info"},
		{"open /\nc text rsv1 hex=f248cdc9c90700\n" + end, "rsv1-without-deflate", "close-code-info"},
		{"open /\nc text hex=ff\ns close 1007\nc close 1007\nfin\n", "text-not-utf8", "close-code-info"},
		{"open /\nc cont \"a\"\n" + end, "fragment-sequence-broken.nothing-to-continue", "close-code-info"},
		{"open /\nc ping len=126\nfin s\nfin c\n", "control-frame-invalid.too-long", "closed-without-close-frame"},
		{"open /\nc text \"a\" unmasked\nrst s\n", "masking-wrong.client-unmasked", "closed-by-reset"},
		{"open / accept=AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nfin c\nfin s\n", "accept-mismatch.other", "closed-right-after-upgrade"},
		{"open / proto=a proto2=b\nfin c\nfin s\n", "subprotocol-mismatch.not-offered", "closed-right-after-upgrade"},
		{"open / ext=permessage-deflate ext2=permessage-deflate field2=\"X-Powered-By: ARR/3.0\"\nfin s\nfin c\n", "deflate-broken.iis-arr", "closed-right-after-upgrade"},
		{"open / ext2=permessage-deflate\nfin c\nfin s\n", "extension-negotiation-invalid.not-offered", "closed-right-after-upgrade"},
		{"open /\nc text \"a\"\ns close 1008 \"who?\"\nc close 1008\nfin\n", "rejected-after-accept", "close-code-info"},
		{"open /\nc text len=9\ns text \"b\"\nc text len=70000\nfin s\nfin c\n", "message-too-big.silent", "closed-without-close-frame"},
		{"open /\nc text \"a\"\ns text \"b\"\nwait 20s\ns ping \"1\" noack\nwait 9s\nrst s\n", "peer-vanished", ""},
		{"open /\nc text \"a\" more\nc text \"b\"\nfin s\nfin c\n", "fragment-sequence-broken.nested", "closed-without-close-frame"},
		{"open /\nc text claim=500 \"abc\"\nfin c\nfin s\n", "frame-cut-by-close", "closed-without-close-frame"},
		{"syn\nrequest / field=\"Origin: https://app.example.com\"\nresponse status=403 reason=Forbidden body=\"Origin not allowed\"\n", "origin-rejected-403", ""},
	} {
		c := casetest.Of("headline", test.script)
		all := judgeCase(t, c)
		if len(all) == 0 {
			t.Errorf("%q: nothing is found", test.script)
			continue
		}
		if lead := diagnose.Headline(all).ID(); lead != test.lead {
			t.Errorf("%q: %s leads, want %s: %v", test.script, lead, test.lead, named(all))
		}
		if test.follows != "" && !strings.Contains(strings.Join(named(all), " "), test.follows) {
			t.Errorf("%q: %s is not found: %v", test.script, test.follows, named(all))
		}
	}
}

// TestNoSecretIsTold plays a conversation full of credentials that breaks
// rules wherever it has one. None of them is in any form of report.
func TestNoSecretIsTold(t *testing.T) {
	const script = `
open /chat?token=SECRET1&access_token=SECRET2 key=c2hvcnQ= proto="chat, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJTRUNSRVQzIn0.U0VDUkVUMw" field="Cookie: sid=SECRET4; other=SECRET5" field="Authorization: Bearer SECRET6" field="X-Api-Key: SECRET7" field2="Set-Cookie: sid=SECRET8; Path=/"
c text "{\"password\":\"SECRET9\",\"token\":\"SECRET10\"}" rsv2
s text "{\"access_token\":\"SECRET11\"}" masked
c close 1002 "token=SECRET12"
s close 1002 "password=SECRET13"
fin
conn 2
syn
request /login?password=SECRET14 key=AgICAgICAgICAgICAgICAg==
response status=302 reason=Found field2="Location: https://joe:SECRET15@server.example/login?token=SECRET16"
conn 3
syn
request /ws?api_key=SECRET17 key=AwMDAwMDAwMDAwMDAwMDAw==
response status=401 reason=Unauthorized body="{\"code\":1,\"token\":\"SECRET18\"}"
`
	c := casetest.Of("secrets", script)
	if len(judgeCase(t, c)) < 5 {
		t.Fatal("the conversation breaks few rules")
	}
	for i := range report.Formats {
		out := play(t, c, report.Formats[i].Name)
		for _, secret := range []string{"SECRET", "eyJzdWIi", "U0VDUkVUMw"} {
			if at := strings.Index(out, secret); at >= 0 {
				t.Errorf("%s: …%s…", report.Formats[i].Name, out[max(0, at-80):min(len(out), at+40)])
			}
		}
	}
}
