package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/wssniff/wssniff/handshake"
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
