package diagnose

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wssniff/wssniff/handshake"
	"github.com/wssniff/wssniff/session"
)

const pmd = "permessage-deflate"

// negotiationRules are about Sec-WebSocket-Extensions (RFC 6455 §9.1, RFC 7692 §7.1).
var negotiationRules = []Rule{
	{
		ID: "extension-negotiation-invalid", Severity: Error, Clause: "RFC 7692 §7.1",
		Title:   "the answer chooses an extension in a way that the offer does not allow",
		Advice:  "answer with what was offered and understood, do not echo the offer; try without compression",
		Seen:    "an extension that was not offered, twice, or with parameters that RFC 7692 does not allow there",
		Means:   "the client must fail the connection; Node's ws says: Invalid Sec-WebSocket-Extensions header; a wrong offer is declined, or answered with 400",
		Causes:  []string{"a server written by hand echoes the offer", "a proxy changes the field on one side", "the server compresses whatever was offered"},
		Fixes:   []Fix{{"", "use the library's negotiation, or answer without Sec-WebSocket-Extensions"}},
		Confirm: "turn compression off at one end: the connection opens",
		Variants: []Variant{
			{ID: "not-offered", Title: "an extension was chosen that was not offered", Clause: "RFC 6455 §9.1"},
			{ID: "repeated", Title: "an extension was chosen twice", Clause: "RFC 6455 §9.1"},
			{ID: "unknown-parameter", Title: "permessage-deflate was chosen with a parameter that it does not have"},
			{ID: "duplicate-parameter", Title: "permessage-deflate was chosen with a parameter given twice"},
			{ID: "window-bits", Title: "a window size is not a number from 8 to 15", Clause: "RFC 7692 §7.1.2"},
			{ID: "client-window-not-offered", Title: "client_max_window_bits was answered and not offered", Clause: "RFC 7692 §7.1.2.2"},
			{ID: "server-window-larger", Title: "server_max_window_bits is larger than was offered", Clause: "RFC 7692 §7.1.2.1"},
			{ID: "wrong-offer", Severity: Warning, Title: "permessage-deflate was offered with parameters that it does not have"},
			{ID: "obsolete", Severity: Info, Title: "a forerunner of permessage-deflate was chosen", Clause: "RFC 7692 §6"},
			{ID: "takeover-ignored", Title: "server_no_context_takeover was offered and not answered", Clause: "RFC 7692 §7.1.1.1"},
		},
		NotWhen: "the request was not captured",
		ByHeads: true,
		Handshake: func(p *Pass, h *session.Handshake) {
			judgeOffers(p, h)
			judgeChoice(p, h)
		},
	},
}

var judgeOffers = ofRequest(func(p *Pass, h *session.Handshake) {
	for _, e := range h.ExtensionsOffered() {
		for i, param := range e.Params {
			if !strings.EqualFold(e.Name, pmd) || param.Name == "client_max_window_bits" && !param.HasValue {
				continue // without a value the client says that it would heed one (RFC 7692 §7.1.2.2)
			}
			if len(paramFaults(e.Params[:i], param)) > 0 {
				p.Report("wrong-offer", "%s", e)
			}
		}
	}
})

var judgeChoice = ofAnswer(func(p *Pass, h *session.Handshake) {
	if h.Request == nil {
		return
	}
	offered, chosen := h.ExtensionsOffered(), h.Extensions()
	for i, e := range chosen {
		same := func(o handshake.Extension) bool { return strings.EqualFold(o.Name, e.Name) }
		if !slices.ContainsFunc(offered, same) {
			p.Report("not-offered", "%s", e)
		}
		if slices.ContainsFunc(chosen[:i], same) {
			p.Report("repeated", "%s", e.Name)
		}
		switch name := strings.ToLower(e.Name); {
		case name == pmd:
			p.deflate(e, offered)
		case slices.Contains(forerunners, name):
			p.Report("obsolete", "%s: frames with RSV1 are compressed in another way, and are not inflated here", e.Name)
		}
	}
})

// forerunners are the extensions that compressed before RFC 7692 came.
var forerunners = []string{"x-webkit-deflate-frame", "deflate-frame", "perframe-compress", "permessage-compress", "x-webkit-permessage-compress", "permessage-bzip2", "permessage-snappy"}

// paramFaults gives the forms in which a parameter breaks RFC 7692 §7.1, with
// those that stand before it.
func paramFaults(before []handshake.Param, param handshake.Param) (forms []string) {
	known, ok := deflateParams[param.Name]
	if !ok || !known.bits && param.HasValue {
		forms = append(forms, "unknown-parameter")
	}
	if slices.ContainsFunc(before, func(o handshake.Param) bool { return o.Name == param.Name }) {
		forms = append(forms, "duplicate-parameter")
	}
	if known.bits && windowBits(param) == 0 {
		forms = append(forms, "window-bits")
	}
	return forms
}

// A deflateParam is what RFC 7692 §7.1 says of a parameter in an answer.
var deflateParams = map[string]struct{ bits bool }{
	"server_no_context_takeover": {false},
	"client_no_context_takeover": {false},
	"server_max_window_bits":     {true},
	"client_max_window_bits":     {true},
}

// deflate judges a permessage-deflate that was chosen against the offers.
func (p *Pass) deflate(e handshake.Extension, offered []handshake.Extension) {
	var offers []handshake.Extension
	for _, o := range offered {
		if strings.EqualFold(o.Name, pmd) {
			offers = append(offers, o)
		}
	}
	for i, param := range e.Params {
		for _, form := range paramFaults(e.Params[:i], param) {
			p.Report(form, "%s", param)
		}
	}
	if _, answered := paramOf(e, "client_max_window_bits"); answered && none(offers, "client_max_window_bits") {
		p.Report("client-window-not-offered", "%s", e)
	}
	if len(offers) == 0 {
		return
	}
	// Which of several offers was accepted is not said: what fits one of them is right.
	bits, answered := paramOf(e, "server_max_window_bits")
	larger := func(o handshake.Extension) bool {
		most, limited := paramOf(o, "server_max_window_bits")
		return limited && windowBits(bits) > windowBits(most)
	}
	if answered && !slices.ContainsFunc(offers, func(o handshake.Extension) bool { return !larger(o) }) {
		most, _ := paramOf(offers[0], "server_max_window_bits")
		p.Report("server-window-larger", "%s, offered %s", bits, most)
	}
	unasked := func(o handshake.Extension) bool {
		_, wanted := paramOf(o, "server_no_context_takeover")
		return !wanted
	}
	if _, ok := paramOf(e, "server_no_context_takeover"); !ok && !slices.ContainsFunc(offers, unasked) {
		p.Report("takeover-ignored", "%s", e)
	}
}

func none(offers []handshake.Extension, name string) bool {
	return !slices.ContainsFunc(offers, func(o handshake.Extension) bool { _, ok := paramOf(o, name); return ok })
}

func paramOf(e handshake.Extension, name string) (handshake.Param, bool) {
	for _, p := range e.Params {
		if p.Name == name {
			return p, true
		}
	}
	return handshake.Param{}, false
}

// windowBits is the value of a window parameter, 0 if it is none that RFC 7692
// §7.1.2 allows.
func windowBits(p handshake.Param) int {
	n, err := strconv.Atoi(p.Value)
	if err != nil || n < 8 || n > 15 || p.Value != strconv.Itoa(n) {
		return 0
	}
	return n
}
