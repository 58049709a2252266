"""Joins what the two ends of each connection said into a truth file. No packet is looked at here."""

import json

from proxies import VERSIONS

LOG_KEYS = ("sent", "received", "frames_sent", "frames_received", "pings_sent", "pings_received",
            "pongs_sent", "pongs_received", "close_sent", "close_received", "error")


def join(scenario, capture, events, before):
    ends = [e for e in events if e["event"] == "connection"]
    pairs = pair(ends)
    connections = [connection(client, server, scenario, before) for client, server in pairs]
    connections += [between(e, connections) for e in events if e["event"] == "leg"]
    head = {
        "capture": capture,
        "software": {
            "client": ", ".join(sorted({c["software"] for c, _ in pairs if c})),
            "server": ", ".join(sorted({s["software"] for _, s in pairs if s})),
        },
        "notes": scenario.notes,
        "complete": not (scenario.snaplen or scenario.midstream or scenario.partial),
        "lossy": scenario.link in ("loss", "repeat", "swap", "storm", "router"),
    }
    if hidden := sum(len(c.get("chain", ())[1:]) for c in scenario.clients):
        head["legs_in_no_log"] = hidden
    if scenario.proxies:
        head["software"]["proxy"] = ", ".join(sorted({VERSIONS[name] for name in scenario.proxies}))
    if scenario.nginx:
        head["software"]["proxy"] = "nginx 1.22.1"
    others = [{k: e[k] for k in ("client_port", "server_port")} for e in events if e["event"] == "http"]
    if others:
        head["http_connections"] = others
    return layout(head, connections)


def pair(ends):
    """Pairs by the client's port, or by the target where the client cannot tell its port."""
    servers = [e for e in ends if e["side"] == "server"]
    pairs = []
    for client in (e for e in ends if e["side"] == "client"):
        port, several = client.get("client_port"), "h2_stream" in client  # on one connection
        server = next((s for s in servers if s["server_port"] == client["server_port"] and (
            s["client_port"] == port or not port) and (s["target"] == client["target"] or not several and port)), None)
        if server:
            servers.remove(server)
        pairs.append((client, server))
    return pairs + [(None, s) for s in servers]


def connection(client, server, scenario, before):
    """One row; what the client said stands before what the server said."""
    def told(key, default=None):
        return next((e[key] for e in (client, server) if e and e.get(key) is not None), default)

    row = {
        "client_port": told("client_port"), "server_port": told("server_port"), "target": told("target"),
        "status": told("status"), "subprotocol": told("subprotocol", ""), "extensions": told("extensions", ""),
        "outcome": outcome(client, server, scenario),
    }
    if told("h2_stream"):
        row["h2_stream"] = told("h2_stream")
    if told("via"):
        row["via"] = told("via")
    cut = (before["sent"], before["received"]) if before else (0, 0)
    row["client"] = side(client, *cut)
    row["server"] = side(server, *reversed(cut))
    return row


def between(leg, connections):
    """A leg from a proxy to the next, that carries what a client of the first said."""
    row = next(c for c in connections if c["client_port"] == leg["from"])
    kept = {key: row[key] for key in row if key not in ("client", "server")}
    return {**kept, "client_port": leg["client_port"], "server_port": leg["server_port"], "outcome": None, "via": leg["via"],
            "client": None, "server": None}


def side(end, sent, received):
    """The log of one end, without the messages before the capture began."""
    if end is None:
        return None
    log = {key: end["log"][key] for key in LOG_KEYS if key in end["log"]}
    if "error" in end:
        log["error"] = end["error"]
    if "sent" in log:
        log["sent"] = log["sent"][sent:]
    log["received"] = log["received"][received:] if "received" in log else []
    return log


def outcome(client, server, scenario):
    ends = [e for e in (client, server) if e]
    status = next((e["status"] for e in ends if e.get("status") is not None), None)
    if status == 200 and any("h2_stream" in e for e in ends):
        status = 101  # the same in HTTP/2
    if any(e.get("live") for e in ends) and status == 101:
        return "open"
    if "alert number 116" in (client or {}).get("error", ""):
        return None  # in TLS 1.3 the server refuses the client's certificate when the request may have been sent
    if status == 0:
        if scenario.during:  # the path was shut, and no host answered
            return "unanswered"
        return "refused" if server is None and "h2_stream" not in client else "unanswered"
    if status != 101:
        return "refused"
    if client and not client["opened"]:
        return None if client.get("offered") else "rejected"  # no packet says that it wanted one of those that it offered
    if all(got_close(e, o) for e, o in ((client, server), (server, client)) if e):
        return "closed"
    if client and server and any(o["log"].get("close_sent") and not got_close(e, o)
                                 for e, o in ((client, server), (server, client))):
        return None  # one sent a Close frame that the other did not take for one
    return "aborted"


def got_close(end, other):
    """Where the end's API does not tell, the other's word counts."""
    if "close_received" in end["log"]:
        return end["log"]["close_received"] is not None
    return bool(other and other["log"].get("close_sent"))


def layout(head, connections):
    """JSON with a line for each message and frame, for a diff that can be read."""
    lines = ["{"]
    for key, value in head.items():
        lines.append(f"  {dump(key)}: {dump(value)},")
    lines.append('  "connections": [')
    for i, row in enumerate(connections):
        lines.append("    {")
        for key, value in row.items():
            comma = "," if key != "server" else ""
            if key in ("client", "server") and value:
                lines += side_lines(key, value, comma)
            else:
                lines.append(f"      {dump(key)}: {dump(value)}{comma}")
        lines.append("    }" + ("," if i + 1 < len(connections) else ""))
    return "\n".join([*lines, "  ]", "}"]) + "\n"


def side_lines(name, log, comma):
    out = [f"      {dump(name)}: {{"]
    for i, (key, value) in enumerate(log.items()):
        end = "," if i + 1 < len(log) else ""
        if isinstance(value, list) and value:
            out.append(f"        {dump(key)}: [")
            out.append(",\n".join(f"          {dump(item)}" for item in value))
            out.append(f"        ]{end}")
        else:
            out.append(f"        {dump(key)}: {dump(value)}{end}")
    return [*out, f"      }}{comma}"]


def dump(value):
    return json.dumps(value, ensure_ascii=False)
