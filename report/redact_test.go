package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wssniff/wssniff/handshake"
)

const m = mask

func TestRedactField(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"Cookie", "sid=abc; theme=dark", "sid=" + m + "; theme=" + m},
		{"cookie ", "justavalue", m},
		{"Cookie", "a=b=c;;d", "a=" + m + ";;" + m},
		{"Set-Cookie", "sid=abc; Path=/; HttpOnly; odd=x", "sid=" + m + "; Path=/; HttpOnly; odd=" + m},
		{"Authorization", "Bearer abc.def", "Bearer " + m},
		{"Authorization", "Digest username=\"me\", response=\"xyz\"", "Digest " + m},
		{"Proxy-Authorization", "Basic dXNlcjpwYXNz", "Basic " + m},
		{"Authorization", "s3cr3t", m},
		{"Authorization", "s3cr3t two", m},
		{"X-Api-Key", "abc", m},
		{"X-Auth-Token", "abc", m},
		{"X-Amz-Security-Token", "abc", m},
		{"X-CSRF-Token", "abc", m},
		{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="},
		{"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
		{"Sec-WebSocket-Protocol", "chat, superchat", "chat, superchat"},
		{"Sec-WebSocket-Protocol", "bearer, abc, chat", "bearer, " + m + ", chat"},
		{"Referer", "https://u:p@x.example/?token=abc&b=c#d", "https://" + m + "@x.example/?token=" + m + "&b=c#d"},
		{"Origin", "https://app.example.com", "https://app.example.com"},
		{"Location", "/login?code=4711", "/login?code=" + m},
		{"WWW-Authenticate", `Bearer realm="x", error="invalid_token"`, `Bearer realm="x", error="invalid_token"`},
		{"WWW-Authenticate", "Basic realm=x", "Basic realm=x"},
		{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"},
		{"", "a line without colon password=abc", "a line without colon password=" + m},
	}
	for _, tt := range tests {
		var r redactor
		if got := r.field(tt.name, tt.in); got != tt.want {
			t.Errorf("%s: %q\n got %q\nwant %q", tt.name, tt.in, got, tt.want)
		}
		r.shown = true
		if got := r.field(tt.name, tt.in); got != tt.in {
			t.Errorf("%s: %q was changed though shown", tt.name, tt.in)
		}
	}
}

func TestRedactURL(t *testing.T) {
	tests := []struct{ in, want string }{
		{"/live", "/live"},
		{"/live?room=1&lang=en", "/live?room=1&lang=en"},
		{"/live?token=abc&room=1", "/live?token=" + m + "&room=1"},
		{"/?EIO=4&transport=websocket&sid=lv_VI97HAXpY6yYWAAAC", "/?EIO=4&transport=websocket&sid=" + m},
		{"/?access%5Ftoken=abc,def;ghi", "/?access%5Ftoken=" + m},
		{"/?AccessToken=a&api-key=b&apikey=c&sig=d&code=e&key=f", "/?AccessToken=" + m + "&api-key=" + m + "&apikey=" + m + "&sig=" + m + "&code=" + m + "&key=" + m},
		{"/?X-Amz-Signature=ab&X-Amz-Date=2026", "/?X-Amz-Signature=" + m + "&X-Amz-Date=2026"},
		{"/?to=https%3A%2F%2Fx%2F%3Ftoken%3Dabc&x=y", "/?to=https%3A%2F%2Fx%2F%3Ftoken%3D" + m + "&x=y"},
		{"/?token=", "/?token="},
		{"/ws/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_d/x", "/ws/" + m + "/x"},
		{"wss://user:pass@host/x?monkey=1", "wss://" + m + "@host/x?monkey=1"},
		{"/?auth[token]=abc", "/?auth[token]=" + m},
	}
	for _, tt := range tests {
		var r redactor
		if got := r.url(tt.in); got != tt.want {
			t.Errorf("url(%q)\n got %q\nwant %q", tt.in, got, tt.want)
		}
	}
}

func TestRedactText(t *testing.T) {
	tests := []struct {
		in, want string
		cut      bool
	}{
		{in: `{"type":"connection_init"}`, want: `{"type":"connection_init"}`},
		{in: `{"password":"hunter2","user":"me"}`, want: `{"password":"` + m + `","user":"me"}`},
		{in: `{"access_token" : "a\"b\\", "x":1}`, want: `{"access_token" : "` + m + `", "x":1}`},
		{in: `{"payload":{"Authorization":"Bearer x y"}}`, want: `{"payload":{"Authorization":"` + m + `"}}`},
		{in: `{"token":4711,"n":1}`, want: `{"token":"` + m + `","n":1}`},
		{in: `{"token":null,"apiKey":true}`, want: `{"token":null,"apiKey":true}`},
		{in: `{"max_tokens":4096,"tokens":12}`, want: `{"max_tokens":4096,"tokens":12}`},
		{in: `{"credentials":{"user":"u","pw":["x","}"]},"a":1}`, want: `{"credentials":"` + m + `","a":1}`},
		{in: `{"code":1000,"key":"F5","state":"up","session":{"voice":"x"}}`, want: `{"code":1000,"key":"F5","state":"up","session":{"voice":"x"}}`},
		{in: `42["auth","{\"token\":\"a\\\"bc\",\"x\":1}"]`, want: `42["auth","{\"token\":\"` + m + `\",\"x\":1}"]`},
		{in: `a["{\"secret\":{\"k\":[1]},\"x\":1}"]`, want: `a["{\"secret\":\"` + m + `\",\"x\":1}"]`},
		{in: "CONNECT\nlogin:guest\npasscode:my pass\nhost:/\n\n\x00", want: "CONNECT\nlogin:guest\npasscode:" + m + "\nhost:/\n\n\x00"},
		{in: "grant_type=password&client_secret=a,b&x=y", want: "grant_type=password&client_secret=" + m + "&x=y"},
		{in: "curl -H 'Authorization: Bearer abcdefgh'", want: "curl -H 'Authorization: " + m},
		{in: "see https://me:pw@host/a?code=1&b=2", want: "see https://" + m + "@host/a?code=" + m + "&b=2"},
		{in: "Bearer abcdefghij and more", want: "Bearer " + m + " and more"},
		{in: "the bearer of bad news, Bearer authentication", want: "the bearer of bad news, Bearer authentication"},
		{in: `["x","eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"]`, want: `["x","` + m + `"]`},
		{in: `{"token":"abc`, want: `{"token":"` + m, cut: true},
		{in: `x eyJhbGciOi`, want: `x ` + m, cut: true},
		{in: `x Bearer ab`, want: `x Bearer ` + m, cut: true},
		{in: `x://user:pa`, want: `x://user:` + m, cut: true},
		{in: `x://host:80`, want: `x://host:80`},
		{in: `{"tok`, want: `{"tok`, cut: true},
		{in: "KEY=07cb9559eff21e3e", want: "KEY=07cb9559eff21e3e"},
	}
	for _, tt := range tests {
		var r redactor
		if got := string(r.text([]byte(tt.in), tt.cut)); got != tt.want {
			t.Errorf("text(%q)\n got %q\nwant %q", tt.in, got, tt.want)
		}
	}
}

func TestRedactSubprotocols(t *testing.T) {
	tests := []struct{ in, want string }{
		{"graphql-transport-ws", "graphql-transport-ws"},
		{"v1.kernel.websocket.jupyter.org", "v1.kernel.websocket.jupyter.org"},
		{"v4.base64.channel.k8s.io", "v4.base64.channel.k8s.io"},
		{"wamp.2.msgpack.batched, v12.stomp, ocpp1.6, soap", "wamp.2.msgpack.batched, v12.stomp, ocpp1.6, soap"},
		{"actioncable-v1-json, actioncable-unsupported", "actioncable-v1-json, actioncable-unsupported"},
		{"access_token, abc", "access_token, " + m},
		{"realtime, openai-insecure-api-key.sk-abc, openai-beta.realtime-v1", "realtime, openai-insecure-api-key." + m + ", openai-beta.realtime-v1"},
		{"base64url.bearer.authorization.k8s.io.dG9rZW4", "base64url.bearer.authorization.k8s.io." + m},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", m},
		{"123e4567-e89b-12d3-a456-426614174000", m},
		{"Zm9vYmFyYmF6cXV4Zm9vYmFy", m},
	}
	for _, tt := range tests {
		var r redactor
		if got := r.field("Sec-WebSocket-Protocol", tt.in); got != tt.want {
			t.Errorf("%q\n got %q\nwant %q", tt.in, got, tt.want)
		}
	}
}

func TestRedactEchoedToken(t *testing.T) {
	h := &handshake.Handshake{
		Request:  &handshake.Head{Fields: handshake.Fields{{Name: "Sec-WebSocket-Protocol", Value: "bearer, abc"}}},
		Response: &handshake.Head{Status: 101, Fields: handshake.Fields{{Name: "Sec-WebSocket-Protocol", Value: "abc"}}},
	}
	var r redactor
	if got := r.fieldOf(h, h.Response, 0); got != mask {
		t.Errorf("the token that the server echoed is shown as %q", got)
	}
}

// planted are texts with a place for a secret, and how it is looked at.
var planted = []struct{ text, how string }{
	{`{"password":"§"}`, "text"}, {`{"user":"x","token":"§","y":1}`, "text"}, {`{"refresh_token": "§"}`, "text"},
	{`42["login",{"apiKey":"§"}]`, "text"}, {`"{\"secret\":\"§\"}"`, "text"}, {`{"credentials":{"a":["§"]}}`, "text"},
	{"passcode:§\n", "text"}, {"a=b&password=§&c=d", "text"}, {"Bearer §", "text"}, {"https://u:§@host/", "text"},
	{"https://host/?access_token=§", "text"}, {"'jwt': '§'", "text"},
	{"/?token=§&x=y", "url"}, {"/?sid=§", "url"}, {"wss://u:§@h/", "url"}, {"/?a=b&X-Amz-Signature=§", "url"},
	{"a=§; b=c", "Cookie"}, {"x=§; Path=/", "Set-Cookie"}, {"Bearer §", "Authorization"}, {"§", "X-Api-Key"},
	{"bearer, §", "Sec-WebSocket-Protocol"}, {"https://x/?code=§", "Referer"},
}

func FuzzPlantedSecret(f *testing.F) {
	f.Add("S3cr3tS3cr3t", "{\"a\":", "}", uint8(0))
	f.Add("aaaaaaaaaaaaaaaa", "token=\\\"", "\\\"&", uint8(7))
	f.Fuzz(func(t *testing.T, secret, before, after string, which uint8) {
		var b []byte
		for i := range len(secret) { // so that it ends no quote, and stands nowhere else
			b = append(b, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[secret[i]%32])
		}
		secret = string(b)
		p := planted[int(which)%len(planted)]
		if len(secret) < shortToken || strings.Contains(before+p.text+after, secret[:4]) {
			return
		}
		in := strings.Replace(p.text, "§", secret, 1)
		var r redactor
		var got string
		switch p.how {
		case "text":
			got = string(r.text([]byte(before+"\n"+in+"\n"+after), false))
		case "url":
			got = r.url(in + after)
		default:
			got = r.field(p.how, in)
		}
		if strings.Contains(got, secret) {
			t.Errorf("%s: %q gives %q", p.how, in, got)
		}
	})
}

func FuzzRedactText(f *testing.F) {
	f.Add([]byte(`{"token":"abc","credentials":{"a":1}}`), true)
	f.Add([]byte("://a:b@c?key=%3Dx eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc bearer "), false)
	f.Fuzz(func(t *testing.T, b []byte, cut bool) {
		kept := bytes.Clone(b)
		var r redactor
		once := bytes.Clone(r.text(b, cut))
		if !bytes.Equal(b, kept) {
			t.Error("the payload was changed in place")
		}
		if json.Valid(b) && !cut && !json.Valid(once) {
			t.Errorf("%q is JSON, and %q is not", b, once)
		}
	})
}

func TestRedactTextTakesNoMemory(t *testing.T) {
	in := []byte(`{"type":"x","token":"abc","url":"https://a:b@c/?code=1","n":[1,2,3]}`)
	var r redactor
	r.text(in, false)
	if n := testing.AllocsPerRun(100, func() { r.text(in, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
