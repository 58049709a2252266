package diagnose

import (
	"fmt"
	"strings"

	"github.com/wssniff/wssniff/frames"
	"github.com/wssniff/wssniff/session"
)

// An api is an application whose own close codes are known, or whose limits are.
type api uint8

const (
	unknownAPI api = iota
	graphqlWS
	discord
	discordVoice
	apiGateway
)

// apiOf tells the application by the subprotocol or the host.
func apiOf(h *session.Handshake) api {
	host := strings.ToLower(h.Host())
	name, _, _ := strings.Cut(host, ":")
	switch {
	case h.Subprotocol() == "graphql-transport-ws":
		return graphqlWS
	case strings.HasSuffix(name, "discord.gg"):
		return discord
	case strings.HasSuffix(name, ".discord.media"):
		return discordVoice
	case strings.Contains(name, ".execute-api.") && strings.HasSuffix(name, ".amazonaws.com"):
		return apiGateway
	}
	return unknownAPI
}

// A privateCode is a close code from 3000 on that a product, or a custom,
// gives a meaning: a row of data/closecodes.tsv.
type privateCode struct {
	of      api // unknownAPI: of anybody, so that it is possible only
	code    frames.CloseCode
	meaning string
	mark    byte
}

var apiNames = map[api]string{graphqlWS: "graphql-ws", discord: "Discord", discordVoice: "Discord voice", unknownAPI: "by custom"}

// meaning says what a close code is for, and by whom it is said: "graphql-ws:
// forbidden".
func (w *World) meaning(c *Conn, code frames.CloseCode) (text string, certain bool) {
	for _, of := range [...]api{c.API, unknownAPI} {
		for i := range w.data.codes {
			if p := &w.data.codes[i]; p.code == code && p.of == of {
				if p.mark == 'K' {
					return fmt.Sprintf("%s, possibly: %s", apiNames[of], p.meaning), false
				}
				return fmt.Sprintf("%s: %s", apiNames[of], p.meaning), of != unknownAPI
			}
		}
	}
	return code.Meaning(), true
}

// thrownOut are the codes with which servers throw out whom they do not know,
// or do not allow.
var thrownOut = map[frames.CloseCode]bool{
	frames.PolicyViolation: true, 3000: true, 3003: true, 4001: true, 4003: true, 4004: true, 4401: true, 4403: true,
}
