package diagnose

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/handshake/h2"
	"github.com/wssniff/wssniff/reassembly"
	"github.com/wssniff/wssniff/session"
)

// refusalRules are about answers other than 101, and about none (RFC 6455
// §4.1: any other status is for HTTP to handle). Of a refusal, the first rule
// that fits speaks.
var refusalRules = []Rule{
	{
		ID: "socketio-handshake-refused", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "Engine.IO refused the handshake and says why",
		Advice:  "code 1 asks for sticky sessions, code 5 for client and server of one major version",
		Seen:    "an answer with a code and message of Engine.IO to a path of Socket.IO",
		Means:   "0 transport unknown, 1 session ID unknown, 2 bad method, 3 bad request, 4 forbidden, 5 unsupported version",
		Causes:  []string{"several servers without sticky sessions", "client and server of different major versions", "a restart lost the sessions", "allowRequest or CORS refused"},
		Fixes:   []Fix{{"", "sticky sessions, or transports: [\"websocket\"]"}, {"", "allowEIO3: true for old clients"}},
		Confirm: "curl 'http://SERVER/socket.io/?EIO=4&transport=polling' at each server directly",
		NotWhen: "the answer is no Engine.IO's: another rule speaks",
		Variants: []Variant{
			{ID: "sticky", Title: "Engine.IO does not know the session: another server began it, or it was restarted", Advice: "sticky sessions at the load balancer, or transports: [\"websocket\"]"},
			{ID: "version", Title: "client and server of Engine.IO are of different major versions", Advice: "bring client and server to one major version, or set allowEIO3: true"},
			{ID: "ws-path", Title: "the upgrade of Engine.IO was refused before Engine.IO saw it", Advice: "look at what stands between: it takes Upgrade away, or does not route this path"},
		},
		Refusal: refused(func(e *session.Refusal) bool {
			return enginePath(e) && (engineText.Match(e.Body) || e.Status() == 400)
		}, func(p *Pass, e *session.Refusal) {
			form, sure := formOf(p, e, engineForms)
			whose, packet := "", int64(0)
			if form == "sticky" {
				whose, packet, sure = p.sticky(e)
			}
			if m := engineText.FindSubmatch(e.Body); m != nil && m[1] != nil {
				p.refusal(form, e, "code %s, %s%s", m[1], m[2], whose).As(sure).In(packet)
			} else {
				p.refusal(form, e, "%d %s%s", e.Status(), e.Reason(), whose).As(sure).In(packet)
			}
		}),
	},
	{
		ID: "headers-too-large", Severity: Error, Clause: "RFC 6585 §5",
		Title:   "the request is too big for the server, usually by its cookies",
		Advice:  "move the WebSocket to a host without cookies, trim them, or raise the limit",
		Seen:    "431, 413, 414, a body that says the head or a cookie is too large, or 400 for a head of more than 8 KiB",
		Means:   "servers stop at 4 to 64 KiB of request head",
		Causes:  []string{"cookies of the parent domain with tokens in them", "a token in the URL", "cookies for tracking"},
		Fixes:   []Fix{{"nginx", "large_client_header_buffers (4 of 8 KiB by default)"}, {"Node", "--max-http-header-size (16 KiB by default)"}},
		Confirm: "the same request without Cookie: curl with the fields of an upgrade alone",
		NotWhen: "the body of the request is what is too large",
		Refusal: refused(func(e *session.Refusal) bool {
			return slices.Contains([]int{431, 413, 414}, e.Status()) || tooLarge.Match(e.Body) || e.Status() == 400 && e.Request != nil && e.Request.Size > largeHeads
		}, (*Pass).headTooLarge),
	},
	{
		ID: "origin-rejected-403", Severity: Error, Clause: "RFC 6455 §10.2",
		Title:   "the server does not like the Origin",
		Advice:  "allow this Origin at the server, with its scheme and port; let the proxy pass Host on",
		Seen:    "403, and an Origin that differs from Host, or a body that speaks of origins",
		Means:   "the server compares Origin with its list or with Host; CORS does not apply to WebSockets",
		Causes:  []string{"a proxy changed Host and left Origin", "the list lacks the scheme or the port", "Origin is null: a file or a sandbox", "TLS ended before the server, which takes the scheme for http"},
		Fixes:   []Fix{{"nginx", "proxy_set_header Host $http_host;"}, {"gorilla", "CheckOrigin"}, {"Django", "ALLOWED_HOSTS"}, {"Rails", "action_cable.allowed_request_origins"}, {"Phoenix", "check_origin"}, {"Spring", "setAllowedOrigins"}, {"coder", "OriginPatterns"}, {"Node ws", "verifyClient"}, {"Tornado", "check_origin"}, {"Socket.IO, Flask", "cors_allowed_origins, or cors: {origin}"}, {"Jupyter", "allow_origin"}, {"", "name the origins: * lets any page in, see cross-site-origin-accepted"}},
		Confirm: "curl with the fields of an upgrade, once with this Origin and once with that of Host",
		NotWhen: "Origin and Host are the same",
		Variants: []Variant{
			{ID: "forwarded", Severity: Warning, Title: "what the proxy tells the server does not fit the Origin", Advice: "let the proxy send the public Host, X-Forwarded-Host and X-Forwarded-Proto, once each"},
		},
		ByHeads: true,
		Handshake: ofRequest(func(p *Pass, h *session.Handshake) {
			if amiss := forwardedAmiss(h); amiss != "" {
				p.Report("forwarded", "%s: Origin %s, Host %s", amiss, h.Origin(), h.Host()).As(Likely)
			}
		}),
		Refusal: refused(originRefused, func(p *Pass, e *session.Refusal) {
			packet, other := p.World.OtherOrigin(p.Conn.Client.Addr(), e.Handshake)
			let := ""
			if other {
				let = fmt.Sprintf("; another Origin was let in, in packet %d", packet)
			}
			f := p.refusal("", e, "Origin %s, Host %s%s%s", e.Origin(), e.Host(), apart(e), let).With("origin", e.Origin()).With("host", e.Host())
			if other {
				f.In(packet)
			} else if !originBody.Match(e.Body) {
				f.As(Likely)
			}
		}),
	},
	byStatus(Rule{
		ID: "upgrade-answered-200", Clause: "RFC 6455 §4.1",
		Title:   "the server answered as to an ordinary request",
		Advice:  "route the path to the WebSocket server, and attach the upgrade handler to the server that listens",
		Means:   "whoever answered did not know that this was an upgrade, or that the path has a WebSocket",
		Causes:  []string{"the path is served by a page or a fallback", "a proxy sent an ordinary request", "the backend has no upgrade handler", "a login portal"},
		Fixes:   []Fix{{"Node", "server.on('upgrade', …) on the server that listens"}, {"", "look for the route in the proxy and the backend"}},
		Confirm: "ask the server behind the proxy directly, at the same path",
		NotWhen: "the request did not ask for an upgrade: a page was opened",
	}, nil, 200, 2),
	{
		ID: "upgrade-redirected", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "the handshake was redirected",
		Advice:  "use the final URL: wss, and the slash as the server has it; answer 401 rather than redirect",
		Seen:    "301, 302, 303, 307 or 308 with a Location",
		Means:   "browsers and most libraries do not follow redirects in a handshake",
		Causes:  []string{"a redirect to HTTPS, and a ws:// URL", "the framework adds a slash", "the session is over: a redirect to the login"},
		Fixes:   []Fix{{"Node ws", "followRedirects: true (false by default, 10 at most)"}, {"", "leave the path of the WebSocket out of the redirect"}},
		Confirm: "curl -i at the URL: Location is what the client should have used",
		NotWhen: "the client follows redirects: then the next connection has the 101",
		Variants: []Variant{
			{ID: "scheme", Title: "the handshake was redirected to HTTPS"},
			{ID: "login", Title: "the handshake was redirected to a login"},
			{ID: "slash", Title: "the handshake was redirected for a slash"},
			{ID: "host", Title: "the handshake was redirected to another host"},
			{ID: "loop", Title: "the handshake was redirected to where it was sent"},
			{ID: "elsewhere", Title: "the handshake was redirected"},
		},
		Refusal: refused(func(e *session.Refusal) bool { return e.Status() >= 300 && e.Status() < 400 }, func(p *Pass, e *session.Refusal) {
			to := e.Response.Fields.Get("Location")
			p.refusal(redirection(e, to), e, "to %s", path(to))
		}),
	},
	byStatus(Rule{
		ID: "unauthorized-401", Clause: "RFC 9110 §15.5.2",
		Title:   "authentication is required",
		Advice:  "send a cookie of the same site, a ticket in the URL, or authenticate with the first message",
		Means:   "the server knows nobody by this request; scripts in a browser cannot set Authorization here",
		Causes:  []string{"no cookie, for its SameSite or its domain", "a token that has expired", "verifyClient of ws said no", "a proxy took Authorization away"},
		Fixes:   []Fix{{"nginx", "proxy_set_header Authorization $http_authorization;"}},
		Confirm: "the same request with credentials that are known to be good",
		NotWhen: "the client asks again with credentials, and comes in",
		Variants: []Variant{
			{ID: "browser-cannot", Title: "the server wants a scheme that scripts in a browser cannot send", Advice: "let the server take a cookie, a ticket in the URL, or a first message"},
		},
	}, unauthorizedForms, 401),
	byStatus(Rule{
		ID: "forbidden-403-other", Clause: "RFC 9110 §15.5.4",
		Title:   "403 for another reason than the Origin",
		Advice:  "look at who answered: the program, a firewall for web applications, or a proxy without upgrades",
		Means:   "the request was understood and is not allowed",
		Causes:  []string{"the program's connect handler refused", "Envoy without upgrade_configs", "a firewall rule", "an ASGI program that closed before it accepted"},
		Fixes:   []Fix{{"Envoy", "upgrade_configs: [{upgrade_type: websocket}]"}},
		Confirm: "the same request from another network, and at the server behind the proxy",
		NotWhen: "Origin differs from Host, or the body speaks of origins: see origin-rejected-403",
	}, nil, 403),
	byStatus(Rule{
		ID: "not-found-404", Clause: "RFC 9110 §15.5.5",
		Title:   "there is no WebSocket at that path",
		Advice:  "compare the path with the server's route, slash and prefix; serve it by what can upgrade",
		Means:   "the server has no such route, or an HTTP server answers that knows no WebSockets",
		Causes:  []string{"a WSGI server, or one without its WebSocket library, answers", "a wrong path or prefix", "a proxy adds or drops a part of the path"},
		Fixes:   []Fix{{"Django, FastAPI", "serve by ASGI: daphne, or uvicorn[standard]"}, {"nginx", "mind the slash behind proxy_pass"}},
		Confirm: "curl -i at the path, directly at the server and through the proxy",
		NotWhen: "the server refuses an Origin in this way, as Rails does",
		Variants: []Variant{
			{ID: "slash", Title: "the path differs from one with a WebSocket by the slash at its end", Advice: "use the path as the server has it: the slash at the end counts"},
			{ID: "prefix", Title: "a part of the path is there twice", Advice: "take the prefix off in one place: proxy_pass with or without a path"},
			{ID: "host-in-path", Title: "the path holds a host name, or a variable without a value", Advice: "look at how the page makes the URL: it needs ws:// and a host before the path"},
			{ID: "framework", Title: "a web framework answers that has no such route", Advice: "route the path to the WebSocket handler; serve by what can upgrade"},
			{ID: "actioncable", Title: "Action Cable answers as to a request that is no upgrade, or of an Origin it does not allow", Advice: "set action_cable.allowed_request_origins, and let the proxy pass Upgrade on"},
		},
	}, notFoundForms, 404),
	byStatus(Rule{
		ID: "overloaded-429-503", Clause: "RFC 9110 §15.6.4",
		Title:   "a rate limit, or no capacity",
		Advice:  "wait as long as Retry-After says, with a random part; raise the limit or the capacity",
		Means:   "the server, or the proxy before it, takes no more now",
		Causes:  []string{"a limit of requests by address", "no healthy backend", "the server is shutting down", "WebSockets are switched off (IIS)"},
		NotWhen: "the server is being restarted, which synchronized-close is about: form restart says so, and is a warning",
		Fixes:   []Fix{{"Azure, IIS", "turn Web sockets on"}, {"", "reconnect with growing, random delays"}},
		Confirm: "Retry-After; the server's and the proxy's count of connections at that time",
		Variants: []Variant{
			{ID: "limit", Title: "a limit of requests refused the upgrade", Clause: "RFC 6585 §4"},
			{ID: "no-backend", Title: "the proxy has no server behind it that is healthy", Advice: "look at the health checks, and at whether the backend listens on the port they use"},
			{ID: "draining", Title: "the server is shutting down", Advice: "reconnect after a random delay; drain before the process ends"},
			{ID: "disabled", Title: "WebSockets are switched off at this site", Advice: "turn Web sockets on (Azure App Service, IIS)"},
			{ID: "restart", Severity: Warning, Title: "the server is being restarted: it opened WebSockets shortly before", Advice: "drain connections one by one, start the new server before the old one ends, and let clients come back after a random time"},
			{ID: "handshake-quota", Title: "the quota of new connections is used up", Advice: "back off with random delays; ask for a larger quota", Clause: "RFC 6585 §4"},
		},
		Handshake: func(p *Pass, e *session.Handshake) { p.cameBack(e) },
	}, overloadForms, 429, 503),
	byStatus(Rule{
		ID: "bad-gateway-502", Clause: "RFC 9110 §15.6.3",
		Title:   "the proxy had no valid answer from the server behind it",
		Advice:  "test the backend directly; compare scheme and port; look at the proxy's log",
		Means:   "the backend is down, closed, or answered what the proxy does not take for a 101",
		Causes:  []string{"the backend is down, or the port or scheme is wrong", "its 101 lacks a field", "a head too large for the proxy"},
		Fixes:   []Fix{{"nginx", "proxy_buffer_size (4 or 8 KiB by default) for a large head of the answer; proxy_pass with the right scheme"}},
		Confirm: "capture between the proxy and the server, or ask the server from the proxy's host",
		NotWhen: "the server behind it answered with this status itself",
	}, nil, 502, 520, 521, 522, 523, 525, 526, 530),
	byStatus(Rule{
		ID: "server-error-500", Clause: "RFC 9110 §15.6.1",
		Title:   "the code of the upgrade crashed",
		Advice:  "read the server's log at that time; take middleware off the route",
		Means:   "an exception in the handler, or middleware that hides what upgrading needs",
		Causes:  []string{"logging, compressing or timing middleware around the handler", "an exception while connecting", "a backend that speaks HTTP/2 only"},
		Fixes:   []Fix{{"Go", "let wrappers of ResponseWriter implement http.Hijacker or Unwrap"}},
		Confirm: "the server's log at that time; the same request at the server directly",
		NotWhen: "the proxy answers in the name of a server that is down: then it is 502 to 504",
		Variants: []Variant{
			{ID: "hijack", Title: "middleware hides what an upgrade in Go needs", Advice: "let the wrapper of ResponseWriter implement http.Hijacker or Unwrap"},
			{ID: "asgi", Title: "Django without Channels has got a WebSocket", Advice: "set ASGI_APPLICATION with a ProtocolTypeRouter"},
			{ID: "h2c", Title: "the server behind the proxy speaks HTTP/2 alone", Advice: "let the proxy speak HTTP/1.1 to that server: http://, not h2c://", Clause: "RFC 9113 §8.6"},
			{ID: "iis-501", Title: "this version of IIS, or this site, has no WebSockets", Advice: "install the role service WebSocket Protocol"},
		},
	}, crashForms, 500, 501, 5),
	byStatus(Rule{
		ID: "bad-request-400", Clause: "RFC 9110 §15.5.1",
		Title:   "the server did not like the request",
		Advice:  "mend what other findings say of the request; else read the body of the answer",
		Means:   "a field of the handshake is missing or changed, or the path is not the WebSocket's",
		Causes:  []string{"a proxy changed the request", "a client written by hand", "the path is another's (Node ws answers 400)"},
		Fixes:   upgradeFixes,
		Confirm: "the body of the answer; the same URL with a browser or wscat, and the two requests beside each other",
		NotWhen: "another finding names what is wrong with the request: then this is what follows from it",
	}, nil, 400, 405, 426, 505, 4),
	{
		ID: "handshake-no-response", Severity: Error, Clause: "RFC 6455 §4.1",
		Title:   "the request has no answer",
		Advice:  "accept first and authenticate after; look for what is slow, or swallows upgrades",
		Seen:    "a request for a WebSocket and no byte of an answer: until the client gave up, or until the server closed",
		Means:   "the server, or a box before it, took the request and said nothing",
		Causes:  []string{"slow authentication or a database in the connect handler", "no worker is free", "middleware that swallows upgrades", "a firewall dropped the request"},
		Fixes:   []Fix{{"", "raise the number of workers; set a timeout in the client and try again"}, {"nginx", "proxy_read_timeout (60 s by default): 504 behind it"}, {"AWS load balancer", "504 is a target that took no connection in 10 s, or said nothing for the idle timeout (60 s)"}, {"Envoy", "route timeout (15 s by default)"}, {"Cloudflare", "522 is no connection in 19 s, 524 no answer in 100 s"}},
		Confirm: "capture at the server: does the request arrive, and when does its answer leave?",
		NotWhen: "the capture ends before the answer, or lost it",
		Variants: []Variant{
			{ID: "timeout", Title: "the client gave up waiting for an answer"},
			{ID: "closed", Title: "the server closed without an answer"},
			{ID: "partial", Title: "the head of the answer breaks off"},
			{ID: "no-request", Severity: Info, Title: "the client opened the connection and asked for nothing", Advice: "look at who connects: a browser that connects ahead, a health check of TCP, a scanner; a client that hangs before its request"},
			{ID: "slow", Severity: Warning, Title: "the answer took more than a second"},
			{ID: "gateway-timeout", Title: "a gateway gave up waiting for an answer", Clause: "RFC 9110 §15.6.5"},
		},
		Refusal: refused(func(e *session.Refusal) bool { return slices.Contains(gaveUp, e.Status()) }, func(p *Pass, e *session.Refusal) {
			waited := e.Answered.Time.Sub(e.Requested.Time)
			p.refusal("gateway-timeout", e, "after %s%s", longTime(waited), p.World.asLongAs(waited, reassembly.FromServer))
		}),
		Handshake: ofAnswer(func(p *Pass, h *session.Handshake) {
			if h.Requested.Packet == 0 {
				return
			}
			if took := h.Time.Sub(h.Requested.Time); took > slow {
				p.Report("slow", "%v", took.Round(time.Millisecond)).In(h.Requested.Packet)
			}
		}),
		Ordinary: func(p *Pass, e *session.Ordinary) {
			if e.Conn.Silent() {
				p.noRequest(e.Conn, e.Time.Sub(e.Conn.Start))
			}
		},
		Sealed: func(p *Pass, e *session.Sealed) {
			if unusedTLS(e.Conn.TLS) {
				p.noRequest(e.Conn, e.Time.Sub(e.Conn.Start))
			}
		},
		Closed: func(p *Pass, e *session.Closed) {
			c := e.Conn
			if c.State != session.Unanswered || c.Handshake == nil || c.H2 != nil && c.H2.How == h2.Reset || c.TCP.End == reassembly.NotEnded || c.OneSided || c.Greeting != "" || c.Sides[reassembly.FromServer].LostBytes > 0 {
				return
			}
			waited := c.End.Sub(p.Conn.Requested.Time).Round(time.Millisecond)
			p.from(c.TCP.EndedBy)
			if c.Answer > 0 {
				p.from(reassembly.FromServer)
				p.Report("partial", "%d bytes of a head, and then the end by the %v", c.Answer, c.TCP.EndedBy).In(p.Conn.Requested.Packet, c.TCP.EndedIn)
				return
			}
			if c.TCP.EndedBy == reassembly.FromServer {
				p.Report("closed", "%v after the request%s", waited, largeHead(c)).In(p.Conn.Requested.Packet, c.TCP.EndedIn)
				return
			}
			front, at := p.front(c)
			f := p.Report("timeout", "after %s%s%s%s", longTime(waited), p.World.asLongAs(waited, reassembly.FromClient), largeHead(c), front).In(p.Conn.Requested.Packet, c.TCP.EndedIn, at)
			if waited < patience || front != "" { // a page that was left, a request that was cancelled
				f.At(Info)
			}
		},
	},
}

// patience is how long a client waits that has not just been stopped.
const patience = 5 * time.Second

// gaveUp are what a gateway or server answers that waited in vain.
var gaveUp = []int{408, 504, 524}

// largeHead says how large the request was, where some servers have no room
// for it and say nothing.
func largeHead(c *session.Conn) string {
	if r := c.Handshake.Request; r != nil && r.Size > 4096 {
		return fmt.Sprintf("; its head has %d bytes, for which some servers have no room", r.Size)
	}
	return ""
}

// slow is an answer that a person notices.
const slow = time.Second

// originBody is what bodies say that speak of the Origin.
var originBody = regexp.MustCompile(`(?i)\borigin\b|cross.origin|\bcors\b`)

// refused makes a hook of a rule that speaks where it fits and no rule of a
// refusal before it has spoken.
func refused(fits func(*session.Refusal) bool, report func(*Pass, *session.Refusal)) func(*Pass, *session.Refusal) {
	return func(p *Pass, e *session.Refusal) {
		if p.explained || !fits(e) {
			return
		}
		p.explained = true
		report(p, e)
	}
}

// refusal reports a refusal, with who answered.
func (p *Pass) refusal(variant string, e *session.Refusal, format string, args ...any) *Finding {
	text := fmt.Sprintf(format, args...)
	who, c := p.World.whoAnswered(e)
	if who != "" {
		text += ", answered by " + who
		if c != Certain {
			text += " (" + c.String() + ")"
		}
	}
	behind, at, explains := p.behind(e)
	restart, opened, _ := p.restarting(e)
	f := p.Report(variant, "%s", text+behind+restart).In(e.Requested.Packet, e.Answered.Packet, at, opened).With("status", e.Status())
	f.Explains = explains
	if who != "" {
		f.With("answered_by", who)
	}
	return f
}

// originRefused tells whether a 403 is for the Origin: the body says so, or
// Origin does not fit Host.
func originRefused(e *session.Refusal) bool {
	if e.Status() != 403 || e.Origin() == "" {
		return false
	}
	u, err := url.Parse(e.Origin())
	return originBody.Match(e.Body) || err != nil || !strings.EqualFold(u.Host, e.Host())
}

// redirection says where a redirect leads.
func redirection(e *session.Refusal, location string) string {
	to, err := url.Parse(location)
	if err != nil {
		return "elsewhere"
	}
	lower := strings.ToLower(to.Path)
	for _, word := range []string{"login", "auth", "sso", "saml", "signin"} {
		if strings.Contains(lower, word) {
			return "login"
		}
	}
	from := path(e.Target())
	switch {
	case strings.TrimRight(from, "/") == strings.TrimRight(to.Path, "/") && from != to.Path:
		return "slash"
	case to.Host != "" && !strings.EqualFold(to.Hostname(), hostname(e.Host())):
		return "host"
	case to.Scheme == "https" || to.Scheme == "wss":
		return "scheme"
	case to.RequestURI() == e.Target():
		return "loop"
	}
	return "elsewhere"
}

// hostname is a Host field without its port.
func hostname(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}
