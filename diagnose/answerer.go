package diagnose

import (
	"strings"

	"github.com/wssniff/wssniff/session"
)

// An answerer is a component that is known by what it answers with: text in
// the body, or a field. What a body says weighs more than a banner.
type answerer struct {
	name        string
	body        string // part of the body
	field, part string // a field, and a part of its value, both in lower case; an empty part is any
	certainty   Certainty
}

// The answerers, the most telling first.
var answerers = []answerer{
	{name: "Node ws", body: "Missing or invalid Sec-WebSocket-Key header"},
	{name: "Node ws", body: "Missing or invalid Sec-WebSocket-Version header"},
	{name: "Node ws", body: "Invalid Upgrade header"},
	{name: "Node ws", body: "Invalid or unacceptable Sec-WebSocket-Extensions header"},
	{name: "coder/websocket", body: "WebSocket protocol violation: "},
	{name: "Python websockets", body: "Failed to open a WebSocket connection: "},
	{name: "Tornado or Spring", body: `Can "Upgrade" only to "WebSocket".`},
	{name: "Tornado", body: `"Connection" must be "Upgrade".`},
	{name: "Tornado", body: "Cross origin websockets not allowed"},
	{name: "aiohttp", body: "No WebSocket UPGRADE hdr: "},
	{name: "aiohttp", body: "No CONNECTION upgrade hdr: "},
	{name: "aiohttp", body: "Unsupported version: "},
	{name: "Envoy", body: "upstream connect error or disconnect/reset before headers"},
	{name: "Envoy", body: "no healthy upstream", certainty: Likely},
	{name: "Envoy", body: "upstream request timeout", certainty: Likely},
	{name: "HAProxy", body: "No server is available to handle this request", certainty: Likely},
	{name: "Express", body: "Cannot GET ", certainty: Likely},
	{name: "Spring", body: "Whitelabel Error Page", certainty: Likely},
	{name: "a Go server", body: "404 page not found", certainty: Likely},
	{name: "nginx", body: "The plain HTTP request was sent to HTTPS port", certainty: Likely},
	{name: "nginx", body: "Request Header Or Cookie Too Large", certainty: Likely},
	{name: "gorilla/websocket", field: "sec-websocket-version", part: "13", certainty: Possible},
	{name: "Squid", field: "x-squid-error", certainty: Likely},
	{name: "Cloudflare", field: "cf-ray", certainty: Likely},
	{name: "CloudFront", field: "x-amz-cf-id", certainty: Likely},
	{name: "Squid", field: "via", part: "(squid", certainty: Likely},
	{name: "AWS API Gateway", field: "x-amzn-requestid", certainty: Possible},
	{name: "Google load balancer", field: "via", part: "1.1 google", certainty: Likely},
	{name: "Heroku router", field: "via", part: "vegur", certainty: Likely},
	{name: "Heroku router", field: "via", part: "heroku-router", certainty: Likely},
	{name: "Fly proxy", field: "fly-request-id", certainty: Likely},
	{name: "Azure Front Door", field: "x-azure-ref", certainty: Likely},
	{name: "Azure Application Gateway", field: "server", part: "microsoft-azure-application-gateway", certainty: Likely},
	{name: "Zscaler", field: "server", part: "zscaler", certainty: Likely},
	{name: "Envoy", field: "server", part: "envoy", certainty: Likely},
	{name: "AWS load balancer", field: "server", part: "awselb", certainty: Likely},
	{name: "nginx", field: "server", part: "nginx", certainty: Likely},
	{name: "Caddy", field: "server", part: "caddy", certainty: Likely},
	{name: "Phoenix", field: "server", part: "cowboy", certainty: Possible},
	{name: "daphne", field: "server", part: "daphne", certainty: Likely},
	{name: "uvicorn", field: "server", part: "uvicorn", certainty: Likely},
	{name: "aiohttp", field: "server", part: "aiohttp", certainty: Likely},
	{name: "Tornado", field: "server", part: "tornadoserver", certainty: Likely},
	{name: "Python websockets", field: "server", part: "websockets/", certainty: Likely},
	{name: "IIS", field: "server", part: "microsoft-iis", certainty: Likely},
}

// whoAnswered names the component that wrote a refusal, "" if nothing tells.
func whoAnswered(e *session.Refusal) (name string, c Certainty) {
	for i := range answerers {
		a := &answerers[i]
		if a.body != "" {
			if strings.Contains(string(e.Body), a.body) {
				return a.name, a.certainty
			}
			continue
		}
		if f := e.Response.Fields; f.Has(a.field) && strings.Contains(strings.ToLower(f.Get(a.field)), a.part) {
			return a.name, a.certainty
		}
	}
	return "", Possible
}
