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
	case strings.Contains(name, ".execute-api.") && strings.HasSuffix(name, ".amazonaws.com"):
		return apiGateway
	}
	return unknownAPI
}

// A privateCode is a close code from 3000 on that a product, or a custom,
// gives a meaning. The sources are the products' own documents: graphql-ws
// (its file PROTOCOL.md), Discord (opcodes and status codes of the gateway),
// Spring (SESSION_NOT_RELIABLE of its CloseStatus).
type privateCode struct {
	of      api // unknownAPI: of anybody, so that it is possible only
	code    frames.CloseCode
	meaning string
}

var apiNames = map[api]string{graphqlWS: "graphql-ws", discord: "Discord", unknownAPI: "by custom"}

var privateCodes = []privateCode{
	{graphqlWS, 4004, "bad response"},
	{graphqlWS, 4005, "internal error of the client"},
	{graphqlWS, 4400, "bad request"},
	{graphqlWS, 4401, "unauthorized: subscribed before the connection was acknowledged"},
	{graphqlWS, 4403, "forbidden"},
	{graphqlWS, 4406, "the subprotocol is not acceptable"},
	{graphqlWS, 4408, "connection_init did not come in time"},
	{graphqlWS, 4409, "a subscription with that ID exists"},
	{graphqlWS, 4429, "too many connection_init"},
	{graphqlWS, 4499, "terminated by the client"},
	{graphqlWS, 4500, "internal error of the server"},
	{graphqlWS, 4504, "connection_ack did not come in time"},
	{discord, 4001, "unknown opcode"},
	{discord, 4002, "payload that cannot be decoded"},
	{discord, 4003, "not authenticated: sent before identify"},
	{discord, 4004, "authentication failed: the token is wrong"},
	{discord, 4005, "already authenticated"},
	{discord, 4007, "invalid sequence number at resume"},
	{discord, 4008, "rate limited"},
	{discord, 4009, "the session timed out"},
	{discord, 4010, "invalid shard"},
	{discord, 4011, "sharding is required"},
	{discord, 4012, "invalid version of the API"},
	{discord, 4013, "invalid intents"},
	{discord, 4014, "intents that are not allowed"},
	{unknownAPI, 4001, "not authenticated"},
	{unknownAPI, 4003, "not allowed"},
	{unknownAPI, 4401, "not authenticated"},
	{unknownAPI, 4403, "not allowed"},
	{unknownAPI, 4500, "Spring: the session is not reliable, the receiver was too slow"},
}

// meaning says what a close code is for, and by whom it is said: "graphql-ws:
// forbidden".
func (c *Conn) meaning(code frames.CloseCode) (text string, certain bool) {
	for _, of := range [...]api{c.API, unknownAPI} {
		for i := range privateCodes {
			if p := &privateCodes[i]; p.code == code && p.of == of {
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
