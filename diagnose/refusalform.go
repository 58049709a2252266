package diagnose

import (
	"bytes"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// A refusalForm is a variant of a refusal, and what tells it from the others.
type refusalForm struct {
	variant   string
	fits      func(*Pass, *session.Refusal) bool
	certainty Certainty
}

// formOf picks the first form that fits, "" if none does.
func formOf(p *Pass, e *session.Refusal, forms []refusalForm) (string, Certainty) {
	for _, f := range forms {
		if f.fits(p, e) {
			return f.variant, f.certainty
		}
	}
	return "", Certain
}

// says makes a form of parts of a body, any of which is enough.
func says(parts ...string) func(*Pass, *session.Refusal) bool {
	return func(_ *Pass, e *session.Refusal) bool {
		for _, part := range parts {
			if bytes.Contains(e.Body, []byte(part)) {
				return true
			}
		}
		return false
	}
}

// by makes a form of who answered.
func by(name string, fits func(*Pass, *session.Refusal) bool) func(*Pass, *session.Refusal) bool {
	return func(p *Pass, e *session.Refusal) bool {
		who, _ := p.World.whoAnswered(e)
		return who == name && (fits == nil || fits(p, e))
	}
}

func hasStatus(n int) func(*Pass, *session.Refusal) bool {
	return func(_ *Pass, e *session.Refusal) bool { return e.Status() == n }
}

// The forms of what a status alone does not tell.
var (
	unauthorizedForms = []refusalForm{
		{"browser-cannot", func(_ *Pass, e *session.Refusal) bool {
			scheme, _, _ := strings.Cut(e.Response.Fields.Get("WWW-Authenticate"), " ")
			script := strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Negotiate")
			return script && strings.HasPrefix(e.UserAgent(), "Mozilla/")
		}, Certain},
	}
	notFoundForms = []refusalForm{
		{"actioncable", func(p *Pass, e *session.Refusal) bool {
			return strings.HasSuffix(path(e.Target()), "/cable") && says("Page not found")(p, e)
		}, Likely},
		{"host-in-path", func(_ *Pass, e *session.Refusal) bool { return brokenPath.MatchString(path(e.Target())) }, Certain},
		{"slash", func(p *Pass, e *session.Refusal) bool {
			other := path(e.Target()) + "/"
			if without, ok := strings.CutSuffix(path(e.Target()), "/"); ok {
				other = without
			}
			_, _, opened := p.World.OpenedAt(e.Host(), other)
			return opened
		}, Certain},
		{"prefix", func(_ *Pass, e *session.Refusal) bool { return doubled(path(e.Target())) }, Likely},
		{"framework", says("Cannot GET ", "404 page not found", "Whitelabel Error Page", "DEBUG = True"), Certain},
	}
	overloadForms = []refusalForm{
		{"restart", func(p *Pass, e *session.Refusal) bool {
			_, _, sure := p.restarting(e)
			return e.Status() == 503 && sure
		}, Likely},
		{"handshake-quota", func(_ *Pass, e *session.Refusal) bool {
			return e.Status() == 429 && e.Response.Fields.Has("x-amzn-requestid")
		}, Likely},
		{"limit", hasStatus(429), Certain},
		{"disabled", says("WebSockets are disabled", "WebSocket request made to a site"), Certain},
		{"no-backend", says("no healthy upstream", "No server is available", "upstream connect error"), Certain},
		{"no-backend", by("AWS load balancer", nil), Likely},
		{"limit", by("nginx", nil), Possible},
		{"draining", func(_ *Pass, e *session.Refusal) bool { // how Node ws says it
			return string(e.Body) == "Service Unavailable" && e.ServerSoftware() == "" && e.Response.Fields.Get("Content-Type") == "text/html"
		}, Possible},
	}
	crashForms = []refusalForm{
		{"hijack", says("http.Hijacker"), Certain},
		{"asgi", says("can only handle ASGI/HTTP connections"), Certain},
		{"h2c", says("h2c", "http2:", "invalid Upgrade request header"), Likely}, // as Go's transport of HTTP/2 says it
		{"iis-501", by("IIS", hasStatus(501)), Likely},
	}
	engineForms = []refusalForm{
		{"sticky", says(`"code":1,`, "Session ID unknown"), Likely},
		{"version", says(`"code":5,`, "Unsupported protocol version"), Certain},
		{"ws-path", func(_ *Pass, e *session.Refusal) bool { return !engineText.Match(e.Body) }, Possible},
	}
)

// brokenPath is one that a page made of a whole URL, or of a variable without a value.
var brokenPath = regexp.MustCompile(`^/(?:wss?:|[a-z0-9-]+(?:\.[a-z0-9-]+)+:\d+(?:/|$)|.*\b(?:undefined|null|\[object)\b)`)

// doubled tells whether a path begins with the same segment twice.
func doubled(path string) bool {
	parts := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 3)
	return len(parts) > 1 && parts[0] != "" && parts[0] == parts[1]
}

// engineText is the body of a refusal by Engine.IO: JSON, or the message alone.
var engineText = regexp.MustCompile(`^\s*(?:\{"code":([0-5]),"message":"([^"\\]{1,80})"|(?:Transport unknown|Session ID unknown|Bad handshake method|Bad request|Forbidden|Unsupported protocol version)\s*$)`)

// enginePath tells whether a request is for Engine.IO.
func enginePath(e *session.Refusal) bool {
	target := e.Target()
	return strings.HasPrefix(path(target), "/socket.io/") || strings.HasPrefix(path(target), "/engine.io/") || strings.Contains(target, "EIO=")
}

// forwardedAmiss says what a proxy before has told the server that does not
// fit the Origin, "" if nothing: servers compare them.
func forwardedAmiss(h *session.Handshake) string {
	f := h.Request.Fields
	proto, hosts := f.Get("X-Forwarded-Proto"), f.Count("X-Forwarded-Host")
	if proto == "" && hosts == 0 && !f.Has("X-Forwarded-For") {
		return "" // nearly all
	}
	scheme, host, ok := strings.Cut(h.Origin(), "://")
	if !ok {
		return ""
	}
	name, via := hostname(host), f.Get("X-Forwarded-Host")
	switch {
	case hosts > 1 || strings.Contains(via, ","):
		return "several X-Forwarded-Host"
	case proto == "http" && scheme == "https":
		return "X-Forwarded-Proto is http, and the Origin https"
	case via != "" && !strings.EqualFold(hostname(via), name):
		return "X-Forwarded-Host is another than the Origin's"
	case via == "" && (proto != "" || f.Has("X-Forwarded-For")) && internal(hostname(h.Host())) && !internal(name):
		return "Host is an internal name, and nothing tells the public one"
	}
	return ""
}

// internal tells whether a host name is one that only the inside knows.
func internal(name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.IsPrivate() || a.IsLoopback()
	}
	return !strings.Contains(name, ".") || strings.HasSuffix(name, ".local") || strings.HasSuffix(name, ".internal")
}

// apart says in what Origin and Host differ, and what a proxy says of the host.
func apart(e *session.Refusal) (text string) {
	for _, name := range [...]string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v := e.Request.Fields.Get(name); v != "" {
			text += ", " + name + " " + v
		}
	}
	from, err := url.Parse(e.Origin())
	to, wrong := url.Parse("//" + e.Host())
	if err != nil || wrong != nil || from.Host == "" {
		return text
	}
	switch proto := e.Request.Fields.Get("X-Forwarded-Proto"); {
	case !strings.EqualFold(from.Hostname(), to.Hostname()):
		text += ": another host"
	case from.Port() != to.Port():
		text += ": another port"
	case proto != "" && !strings.EqualFold(proto, from.Scheme):
		text += ": another scheme"
	}
	return text
}

// asLongAs names who waits by default as long as by has waited for an answer, ""
// for nobody.
func (w *World) asLongAs(waited time.Duration, by reassembly.Dir) string {
	list := w.known(answer, by, waited, func(d time.Duration, t *timer) bool { return (d - t.after).Abs() < exact })
	if len(list) == 0 {
		return ""
	}
	return ", as long as the default of " + listed(timerNames(list))
}

// longTime is a time as people say it.
func longTime(d time.Duration) string {
	if d >= 10*time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return d.Round(time.Millisecond).String()
}
