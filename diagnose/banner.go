package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/reassembly"
)

// A banner is a product that the answer names.
type banner struct{ field, product, form string }

// banners are how fields of Server begin, with the product's name in the
// table of timers and the form of idle-timeout-60s.
var banners = [...]banner{
	{"nginx", "nginx", "nginx"},
	{"openresty", "nginx", "nginx"},
	{"awselb", "AWS ALB", "alb"},
	{"Apache", "Apache httpd", "apache"},
	{"Cowboy", "Phoenix", "phoenix"},
	{"Jetty", "Jetty", ""},
	{"daphne", "daphne", ""},
	{"cloudflare", "Cloudflare", ""},
	{"envoy", "Envoy", ""},
	{"istio-envoy", "Envoy", ""},
	{"uWebSockets", "uWebSockets", ""},
	{"Microsoft-IIS", "IIS", ""},
}

// bannerOf gives the banner of an answer, nil if it is of nobody known.
func bannerOf(h *handshake.Handshake) *banner {
	if h.Response == nil {
		return nil
	}
	software := h.ServerSoftware()
	if software == "" {
		return nil
	}
	for i := range banners {
		if b := &banners[i]; len(software) >= len(b.field) && strings.EqualFold(software[:len(b.field)], b.field) {
			return b
		}
	}
	return nil
}

// prefer puts the timers of the product that the answer named first. It tells
// whether there are some.
func (c *Conn) prefer(list []*timer) bool {
	if c.banner == nil {
		return false
	}
	slices.SortStableFunc(list, func(a, b *timer) int { return c.banner.rank(b) - c.banner.rank(a) })
	return c.banner.rank(list[0]) > 0
}

func (b *banner) rank(t *timer) int {
	if strings.HasPrefix(t.product, b.product) {
		return 1
	}
	return 0
}

// nearly is a timer of the product that the answer names, which pings so seldom
// just so hold off, as far as nobody has set it otherwise; nil if there is none, or
// if a silence has shown that it is another one.
func (p *Pass) nearly(by reassembly.Dir, beat time.Duration) *timer {
	c := p.Conn
	if c.banner == nil {
		return nil
	}
	survived := c.longest
	if w := p.World.endsBy(c.Server, reassembly.FromServer); w != nil {
		survived = max(survived, w.survived)
	}
	for i := range p.World.data.timers {
		t := &p.World.data.timers[i]
		counts := t.counts == either || t.counts == ofClient && by == reassembly.FromClient || t.counts == ofServer && by == reassembly.FromServer
		if counts && t.how <= byClose && t.mark != 'K' && c.banner.rank(t) > 0 && 5*beat >= 4*t.after && max(beat, survived) <= t.after {
			return t
		}
	}
	return nil
}

// minuteForm is the form of idle-timeout-60s.
func (c *Conn) minuteForm(t *timeout) string {
	if _, beat, ok := c.heart.period(); ok && about(beat, time.Minute) {
		return "collision"
	}
	if t.named {
		return c.banner.form
	}
	return ""
}
