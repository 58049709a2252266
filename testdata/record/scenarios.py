"""The table of what is recorded. A play is explained in testdata/README.md."""

from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass
class Scenario:
    name: str
    notes: str
    servers: list
    clients: list
    form: str = "pcap"           # a row of capturing.FORMS
    interface: str = "lo"
    filter: str = "tcp and not portrange 9000-9001"
    snaplen: int = 0             # 0: whole packets
    midstream: bool = False      # the capture begins at the client's gate
    together: bool = False       # the clients run at once
    nginx: bool = False          # nginx on 8081, and on 8445 with TLS, passes on to 8080
    proxies: tuple = ()          # rows of proxies.PROGRAMS
    link: str = ""               # a bad path between the ends: see link.py
    during: tuple = ()           # what happens on the way: seconds since the clients began, or -1 for before, and a command
    sysctl: dict = field(default_factory=dict)  # settings of the kernel, where there is no link
    partial: bool = False        # the filter leaves out what was sent
    keys: bool = False           # there is TLS: its secrets go into the capture, which is a pcapng then
    settle: float = 0.3          # seconds between the last client's end and the capture's


def say(text):
    return "say=" + quote(text)


def server(stack, play="echo", **more):
    return {"stack": stack, "play": play, **more}


def client(stack, play, target="/chat", **more):
    return {"stack": stack, "play": play, "target": target, **more}


HELLO = f"{say('Hallo, wörld ☂ 😀')} bin=20 wait=2"

PAIR = HELLO + " ping=from-client sleep=100 close=1000,bye"


def pair(name, client_stack, server_stack, notes="", play=PAIR, serving="echo ping=from-server", **more):
    """A row where two stacks do the same as in every other pair."""
    notes = notes or "Text and binary echoed, a ping from each side, closed by the client."
    return Scenario(name, notes, [server(server_stack, serving)], [client(client_stack, play)], **more)


def to(name, notes, play, serving="echo", stacks=("ws", "ws"), **more):
    """A row with one client and one server."""
    return Scenario(name, notes, [server(stacks[1], serving)], [client(stacks[0], play)], **more)


OPEN = "request answer "
FAULTS = [OPEN + fault + " read" for fault in (
    "frame=1x,hello",                      # 1 not masked
    "frame=3,hello",                       # 2 reserved opcode
    "frame=11,hello",                      # 3 reserved control opcode
    "frame=1b,hello",                      # 4 RSV2
    "frame=1a,hello",                      # 5 RSV1 without an extension
    "frame=9,126",                         # 6 ping of 126 bytes
    "frame=9m,hi",                         # 7 fragmented ping
    "frame=1,xff",                         # 8 no UTF-8
    "frame=1m,xe282 frame=0,x28",          # 9 no UTF-8 across fragments
    "frame=0,hello",                       # 10 nothing to continue
    "frame=1m,one frame=1,two",            # 11 a message inside a message
    "frame=8,x03ed",                       # 12 close code 1005
    "frame=8,x03e7",                       # 13 close code 999
    "frame=8,x03",                         # 14 close code of one byte
    "frame=8,x03e8ff",                     # 15 close reason no UTF-8
)]
SERVER_FAULTS = ["reply=101 " + fault + " read" for fault in (
    "frame=1x,hello", "frame=1,xc328", "frame=9m,hi", "frame=11,hello", "frame=8,x03ee", "frame=2c,hello")]
# 1 to 21: frames; from 22 on the request.
VIOLATIONS = [OPEN + fault + " read" for fault in (
    "frame=1c,hello", "frame=4,hello", "frame=7,hello", "frame=15,hello", "frame=10,126", "frame=10m,hi", "frame=8m,x03e8",
    "frame=9a,hi", "frame=0m,hello", "frame=1,xeda080", "frame=1,xc080", "frame=1,xf4908080", "frame=1,xe282",
    "frame=8,x03ec", "frame=8,x03ee", "frame=8,x03f7", "frame=8,x03f8", "frame=8,x1388", "frame=8,x07d0",
    "hold-back frame=8,x03e8 frame=1,hello send", "frame=1l,hello")]
VIOLATIONS += [f"request={quote(fields)} answer" for fields in (
    "Sec-WebSocket-Key: ", "Sec-WebSocket-Key: c2hvcnQ=", "Upgrade: ", "Connection: keep-alive", "Sec-WebSocket-Version: ",
    "Sec-WebSocket-Version: 8", "Host: ", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits")]
FAULT_NOTES = ("Fifteen faults of a raw client, a connection each: not masked, opcodes 3 and 11, RSV2, RSV1, long ping, "
               "fragmented ping, bad UTF-8 whole and across fragments, stray continuation, message inside a message, "
               "close codes 1005 and 999, close payload of one byte, close reason not UTF-8.")
BIG = "text=0 text=1 text=125 text=126 text=127 bin=65535 bin=65536 text=200000 wait=8 close=1000"


def faults(stack, **more):
    return Scenario("faults-" + stack, FAULT_NOTES, [server(stack)],
                    [client("raw", "", "/fault", plays=FAULTS, fault=True)], **more)


def violations(stack):
    return Scenario("violations-" + stack, "What a raw client must not do, a connection each: reserved bits and opcodes, control "
                    "frames too long or fragmented, stray continuations, text that is no UTF-8, close codes, a length in a "
                    "longer form, requests without a key, with a short one, without Upgrade, Connection, version, Host.",
                    [server(stack)], [client("raw", "", "/violation", plays=VIOLATIONS, fault=True)])


CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000]


def close_codes(stack, codes, serving=""):
    """Each code from the client, then each from the server."""
    serving = serving or stack
    servers = [server(serving)] + [server(serving, f"echo close={c},server", port=8100 + i) for i, c in enumerate(codes)]
    clients = [client(stack, f"text=1 wait=1 close={c},client", f"/client/{c}") for c in codes]
    clients += [client(stack, "", f"/server/{c}", port=8100 + i) for i, c in enumerate(codes)]
    return Scenario("close-codes-" + stack, "Each close code that a library sends, from the client and from the server.",
                    servers, clients)


UNSENDABLE = [1004, 1005, 1006, 1015]


def raw_close_codes():
    """Codes that no library lets one send: of a raw client to servers, and of a raw server to clients."""
    close = [f"frame=8,x{c:04x}" for c in UNSENDABLE]
    ports = {"ws": 8080, "coder": 8082, "gorilla": 8083, "websockets": 8084, "aiohttp": 8086}
    servers = [server(s, port=p) for s, p in ports.items()]
    clients = [client("raw", "", f"/client/{s}", port=p, plays=[f"{OPEN} frame=1,hello read=1 {c} read" for c in close], fault=True)
               for s, p in ports.items()]
    takers = ["ws", "coder", "gorilla", "undici", "websockets", "aiohttp"]
    servers += [server("raw", "", port=8100, plays=[f"reply=101 frame=1,hello {c} read" for c in close], fault=True)]
    clients += [client(s, "", f"/server/{s}/{i + 1}", port=8100) for s in takers for i in range(len(UNSENDABLE))]
    return Scenario("close-codes-raw", "Codes that must not be sent, 1004, 1005, 1006 and 1015, from a raw client to five servers, and "
                    "from a raw server to six clients.", servers, clients)


def refusing():
    version = "request=Sec-WebSocket-Version%3A%2012 answer"
    ports = {"ws": 8080, "coder": 8082, "gorilla": 8083, "websockets": 8084, "tornado": 8087, "aiohttp": 8086}
    rows = [client("raw", version, f"/version/{s}", port=p) for s, p in ports.items() if s != "ws"]
    rows += [client(s, "", f"/origin/{s}", port=ports[s], origin="http://evil.example") for s in ("coder", "gorilla")]
    rows += [client("ws", "", "/origin/tornado", port=8087, origin="http://evil.example"),
             client("ws", "", "/login", port=8080)]
    rows += [client(s, "", f"/status/{n}", port=8082) for s in ("ws", "gorilla") for n in (200, 301, 400, 404, 503)]
    servers = [server(s, port=p) for s, p in ports.items()]
    servers[0]["deny"] = 401
    return Scenario("refused", "Upgrades refused by six servers: 400 and 426 (version 12), 403 (origin), 401, 404, 301, 503, "
                    "and 200.", servers, rows)


SCENARIOS = [
    pair("ws-ws", "ws", "ws"),
    pair("coder-gorilla", "coder", "gorilla"),
    pair("gorilla-coder", "gorilla", "coder", form="pcapng"),
    pair("undici-ws", "undici", "ws", play=HELLO + " sleep=100 close=3000,bye"),
    pair("websockets-aiohttp", "websockets", "aiohttp"),
    pair("aiohttp-tornado", "aiohttp", "tornado", form="nano"),
    pair("tornado-websockets", "tornado", "websockets", form="pcapng"),
    Scenario("chromium-ws", "A browser: text and binary, pings of the server, subprotocol, close without a code; "
             "then one that is ended.",
             [server("ws", "echo ping=from-server", subprotocol="chat.v2", deflate=True)],
             [client("chromium", HELLO + " text=500 wait=3 sleep=100 close", subprotocols=["chat.v1", "chat.v2"]),
              client("chromium", HELLO + " quit", "/ended", page_port=9001)], settle=1.0),
    Scenario("stacks-at-once", "Seven clients of one server at the same time.", [server("ws", "echo ping=from-server")],
             [client(s, f"{HELLO} text=300 wait=3 sleep=100 close=1000,{s}", f"/{s}")
              for s in ("ws", "coder", "gorilla", "undici", "websockets", "aiohttp", "tornado")],
             together=True, form="pcapng"),
    to("sizes-coder", "Messages of 0, 1, 125, 126, 127, 65535, 65536 and 200000 bytes, echoed.", BIG,
       stacks=("ws", "coder"), form="gzip"),
    to("sizes-gorilla", "The same sizes on other stacks.", BIG, stacks=("gorilla", "aiohttp"), form="zstd"),
    to("fragments-ws", "Fragmented messages with pings between the fragments, in both directions at once.",
       "frag=text,5,p,0,p,300 frag=binary,126,p,1000,0 text=3 wait=3 pongs=3 close=1000",
       "frag=binary,1,p,2,p,70000 frag=text,10,p,20,p,30 text=4 wait=3"),
    to("fragments-go", "Fragmented messages of Go libraries with pings between, in both directions at once.",
       "frag=text,5,p,7,0,90 bin=100 wait=2 sleep=50 close=4000,app",
       "frag=binary,100,p,200 text=9 wait=2", stacks=("coder", "gorilla"), form="pcapng"),
    to("pings", "Pings with and without payload, and unasked pongs, from both sides.",
       "ping=a ping=" + "x" * 125 + " pong=alone ping= pongs=3 sleep=100 close=1000",
       "ping=server pong=alone ping=again pongs=2"),
    Scenario("closes", "Ways to close: each end, codes 1000, 1001, 3000 and 4999, without a code, a reason of 123 bytes.",
             [server("ws", "echo close=1001,going%20away"), server("coder", "echo close=4999,server", port=8082),
              server("websockets", "echo close=1011,server%20failed", port=8084), server("gorilla", port=8083)],
             [client("ws", "", "/1001"), client("gorilla", "", "/4999", port=8082),
              client("undici", "", "/1011", port=8084),
              client("ws", "text=1 wait=1 close", "/no-code", port=8083),
              client("coder", "text=1 wait=1 close=1005", "/no-code-go", port=8083),
              client("ws", "close=1000," + "r" * 123, "/long-reason", port=8083),
              client("websockets", "close=3000,app", "/3000", port=8083)]),
    to("crossed-closes", "Both ends close at the same moment.", "close=1000,client", "close=1001,server"),
    to("killed", "The server is killed: FIN without a Close frame.", "text=5 wait=1", "echo wait=1 sleep=50 die",
       stacks=("gorilla", "ws")),
    to("reset", "The server resets the connection.", "text=5 wait=1", "echo wait=1 sleep=50 reset", stacks=("ws", "gorilla")),
    to("reset-by-client", "The client resets the connection.", "text=5 wait=1 reset", stacks=("coder", "ws")),
    Scenario("port-closed", "Nobody listens: SYN is answered by RST.", [],
             [client("ws", "", port=8099, local_port=45678)]),
    refusing(),
    to("unanswered", "The server takes the request and says nothing; the client gives up.", "", "reply=none drain",
       stacks=("ws", "raw")),
    Scenario("rejected", "101 with a wrong Sec-WebSocket-Accept, a subprotocol and an extension nobody offered; 200.",
             [server("raw", "", plays=[f"reply={kind} drain" for kind in (*["wrong-accept"] * 4, "subprotocol", "extension",
                                                                          "200", "200")])],
             [client(s, "", f"/accept/{s}") for s in ("ws", "gorilla", "coder", "websockets")]
             + [client("ws", "", "/subprotocol"), client("ws", "", "/extension"), client("ws", "", "/200"),
                client("gorilla", "", "/200-go")]),
    Scenario("subprotocol", "A subprotocol is chosen from several; another time none fits.",
             [server("coder", subprotocol="graphql-transport-ws")],
             [client("ws", "text=5 wait=1 close=1000", "/fits", subprotocols=["mqtt", "graphql-transport-ws"]),
              client("gorilla", "text=5 wait=1 close=1000", "/none", subprotocols=["mqtt"])]),
    Scenario("after-http", "Three plain requests on a kept-alive connection before its upgrade; pages on others beside.",
             [server("ws")],
             [client("ws", HELLO + " close=1000", "/chat?token=secret", http_first=3),
              client("raw", "page=/a page=/b"), client("raw", "page=/c request answer frame=1,hi read=1 frame=8,x03e8 read",
                                                       "/raw")]),
    Scenario("byte-by-byte", "Handshake and frames in segments of one byte, from the client and then from the server.",
             [server("gorilla"),
              server("raw", "slowly reply=101 frame=1,hello frame=2,130 read=1 frame=8,x03e8 read", port=8082)],
             [client("raw", "slowly request answer frame=1,hello frame=9,abc read=2 frame=8,x03e8 read", "/client"),
              client("coder", "text=2", "/server", port=8082)], form="nano"),
    Scenario("early-frames", "Frames in one segment with the request, before any 101: taken by ws and coder, not by gorilla.",
             [server("ws"), server("coder", port=8082), server("gorilla", port=8083)],
             [client("raw", "hold-back request frame=1,early frame=9,now send answer " + end, f"/{s}", port=p, fault=True)
              for s, p, end in (("ws", 8080, "read=2 frame=8,x03e8 read"), ("coder", 8082, "read=2 frame=8,x03e8 read"),
                                ("gorilla", 8083, "read"))]),
    Scenario("coalesced-101", "Frames in one segment with the 101.",
             [server("raw", "hold-back reply=101 frame=1,welcome frame=9,you frame=2,300 send read=2 frame=8,x03e8 read")],
             [client(s, "text=3", f"/{s}") for s in ("ws", "gorilla", "coder", "websockets", "aiohttp", "undici")]),
    Scenario("forty", "Forty short connections in parallel.", [server("ws")],
             [client("coder", "text=20 wait=1 close=1000", repeat=40)]),
    Scenario("ipv6", "On ::1.", [server("coder", host="::1")], [client("ws", PAIR, host="::1")], form="pcapng"),
    to("any-sll2", "The pseudo-interface any: LINUX_SLL2.", PAIR, stacks=("ws", "gorilla"), interface="any"),
    to("any-sll", "The same in the older LINUX_SLL.", PAIR, stacks=("gorilla", "ws"), interface="any", form="sll"),
    to("snaplen", "Cut to 96 bytes a packet: heads of frames, part of what is in them.", HELLO + " text=300 wait=3 close=1000",
       snaplen=96),
    to("midstream", "The capture begins when the connection is in use.",
       "text=5 bin=6 wait=2 gate text=70 bin=300 ping=x wait=4 pongs=1 close=1000,bye", stacks=("ws", "coder"), midstream=True),
    Scenario("midstream-deflate", "The same with compression whose context began before.",
             [server("ws", deflate=True)],
             [client("ws", "text=2000 wait=1 gate text=2000 text=2100 wait=3 close=1000", deflate=True)], midstream=True),
    to("still-open", "The capture ends while the connection is in use.", HELLO + " hold", stacks=("coder", "ws")),
    Scenario("deflate-ws", "permessage-deflate with context takeover, a fragmented message, and short messages left as they are.",
             [server("ws", "echo frag=text,2000,p,3000", deflate=True)],
             [client("ws", "text=3000 text=3000 bin=2000 text=3 wait=5 close=1000", deflate=True)]),
    Scenario("deflate-go", "permessage-deflate without context takeover.", [server("gorilla", deflate=True)],
             [client("coder", "text=3000 text=3000 text=3 bin=2000 wait=4 close=1000", deflate=True)]),
    Scenario("deflate-coder-ws", "permessage-deflate of a Go client with context takeover.", [server("ws", deflate=True)],
             [client("coder", "text=3000 text=3000 text=3 bin=2000 wait=4 close=1000", deflate=True)], form="pcapng"),
    Scenario("deflate-python", "permessage-deflate between Python libraries.",
             [server("aiohttp", deflate=True), server("tornado", deflate=True, port=8087)],
             [client("websockets", "text=3000 text=3000 bin=2000 wait=3 close=1000", "/aiohttp", deflate=True),
              client("websockets", "text=3000 text=3000 bin=2000 wait=3 close=1000", "/tornado", deflate=True, port=8087)]),
    faults("ws"),
    faults("gorilla"),
    faults("coder", form="pcapng"),
    faults("websockets"),
    faults("aiohttp"),
    Scenario("deflate-undici", "permessage-deflate of a client that inflates and does not compress.",
             [server("ws", "echo frag=text,2000,p,3000", deflate=True)],
             [client("undici7", "text=3000 text=3000 bin=2000 text=3 wait=5 close=1000")]),
    Scenario("deflate-chromium", "permessage-deflate of a browser, in clear: text and binary of several lengths, with the context of those "
             "before, a fragmented message of the server.",
             [server("ws", "echo frag=text,2000,p,3000", deflate=True)],
             [client("chromium", "text=3000 text=3000 bin=2000 text=3 wait=5 sleep=100 close")], settle=1.0),
    raw_close_codes(),
    violations("ws"),
    violations("gorilla"),
    violations("coder"),
    violations("aiohttp"),
    close_codes("ws", CODES),
    close_codes("coder", CODES, "ws"),
    Scenario("server-masks", "A raw server masks its frame; what the clients do.",
             [server("raw", SERVER_FAULTS[0], fault=True)],
             [client(s, "", f"/{s}") for s in ("ws", "gorilla", "coder", "websockets", "aiohttp", "tornado", "undici")]),
    Scenario("server-faults", "Faults of a raw server: masked, bad UTF-8, fragmented ping, opcode 11, close code 1006, RSV3.",
             [server("raw", "", plays=SERVER_FAULTS, fault=True)],
             [client(s, "", f"/{s}/{i + 1}") for s in ("ws", "coder", "gorilla") for i in range(len(SERVER_FAULTS))]),
    Scenario("too-big", "A message above the server's limit: 1009.", [server("ws", max_payload=1000)],
             [client("gorilla", "text=10 wait=1 bin=1500")]),
    Scenario("nginx", "Through nginx, both legs; a page that moved, maintenance, a backend that is down "
             "(nginx's refused connection to it is in no log).",
             [server("coder", subprotocol="chat")],
             [client("ws", PAIR, port=8081, subprotocols=["chat"]), client("gorilla", PAIR, "/second", port=8081),
              client("ws", "", "/moved", port=8081), client("ws", "", "/maintenance", port=8081),
              client("ws", "", "/down", port=8081)], nginx=True, form="pcapng"),
    Scenario("nginx-idle", "nginx ends a quiet connection after its proxy_read_timeout, both legs.",
             [server("ws")], [client("ws", "text=5 wait=1", "/impatient", port=8081)], nginx=True),
    Scenario("nginx-forgotten", "nginx without the Upgrade and Connection fields: the request arrives as plain HTTP.",
             [server("gorilla")], [client("ws", "", "/forgotten", port=8081)], nginx=True),
]
CURLS = (  # options, the proxy's port and what it is asked for: refused, each in its way
    ("/nobody-there", 8099, 1080, ["--socks5", "127.0.0.1:1080"], {"kind": "socks5", "target": "127.0.0.1:8099"}),
    ("/wrong-password", 8080, 1081, ["--socks5", "joe:wrong@127.0.0.1:1081"], {"kind": "socks5", "user": "joe"}),
    ("/no-password", 8080, 1081, ["--socks5", "127.0.0.1:1081"], {"kind": "socks5"}),
    ("/nobody-there-4", 8099, 1082, ["--socks4", "joe@127.0.0.1:1082"],
     {"kind": "socks4", "target": "127.0.0.1:8099", "user": "joe"}),
    ("/forbidden", 8099, 3128, ["-p", "-x", "127.0.0.1:3128"], {"kind": "http-connect", "target": "127.0.0.1:8099", "status": 403}),
)
SCENARIOS += [
    Scenario("proxy-protocol", "HAProxy tells the next HAProxy of the client, in version 1, in version 2 with a checksum, and in "
             "version 2 inside SOCKS 4; all legs.",
             [server("ws")], [client("ws", PAIR, "/v1", port=8091), client("coder", PAIR, "/v2", port=8092),
                              client("gorilla", PAIR, "/v2-socks4", port=8093)], proxies=("haproxy", "dante")),
    Scenario("socks", "Through SOCKS 5 without and with a password, SOCKS 4, and SOCKS 5 inside SOCKS 4; both legs.",
             [server("coder")],
             [client("ws", PAIR, "/socks5", chain=[("socks5", 1080)]),
              client("ws", PAIR, "/password", chain=[("socks5", 1081, "joe", "secret")]),
              client("ws", PAIR, "/socks4", chain=[("socks4", 1082)]),
              client("ws", PAIR, "/nested", chain=[("socks4", 1082), ("socks5", 1080)])],
             proxies=("microsocks", "microsocks-password", "dante")),
    Scenario("http-connect", "Through the tunnel of an HTTP proxy, and through SOCKS 5 inside one; both legs.",
             [server("gorilla")], [client("ws", PAIR, "/tunnel", chain=[("http", 3128)]),
                                   client("ws", PAIR, "/nested", chain=[("http", 3128), ("socks5", 1080)])],
             proxies=("tinyproxy", "microsocks")),
    Scenario("proxy-refuses", "Proxies that refuse: nobody listens there, a wrong password, none, a port that is not allowed.",
             [], [client("curl", "", target, port=port, proxy_port=proxy, local_port=45700 + i, options=options, via=[via])
                  for i, (target, port, proxy, options, via) in enumerate(CURLS)],
             proxies=("microsocks", "microsocks-password", "dante", "tinyproxy")),
]
MID = "text=5 bin=6 wait=2 gate "
SCENARIOS += [
    to("midstream-big", "The same with messages of 20000 and 70000 bytes, fragments, pings between.",
       MID + "bin=20000 frag=text,500,p,700 text=70000 ping=x wait=5 pongs=2 close=1000,bye", stacks=("ws", "gorilla"),
       midstream=True, form="gzip"),
    Scenario("midstream-deflate-fresh", "The same with compression without context takeover.", [server("gorilla", deflate=True)],
             [client("coder", "text=2000 wait=1 gate text=3000 text=2100 bin=900 text=3 wait=5 close=1000", deflate=True)],
             midstream=True),
    Scenario("midstream-fragments", "The capture begins between two fragments; then a ping, and a close.", [server("ws")],
             [client("raw", "request answer frame=1,hello read=1 frame=1m,one gate frame=0m,two frame=9,ping read=1 frame=0,three "
                     "read=1 frame=2,300 read=1 frame=8,x03e8 read")], midstream=True),
    Scenario("midstream-idle", "The capture begins in a silence; then only the server speaks, then the client closes.",
             [server("ws", "echo wait=1 sleep=900 text=300 bin=40 ping=are-you-there")],
             [client("coder", "text=5 gate wait=3 sleep=200 close=1000")], midstream=True),
]
for _who, _filter in (("client", "tcp dst port 8080"), ("server", "tcp src port 8080")):
    SCENARIOS += [
        to("one-way-" + _who, f"Only what the {_who} sends is captured, from the SYN on.",
           HELLO + " text=3000 ping=x frag=text,5,p,7 wait=4 sleep=100 close=1000,bye", "echo ping=from-server",
           stacks=("ws", "coder"), filter=_filter, partial=True),
        Scenario(f"one-way-{_who}-deflate", f"Only what the {_who} sends is captured, compressed.",
                 [server("ws", deflate=True)],
                 [client("ws", "text=3000 text=3000 bin=300 wait=3 close=1000", deflate=True)], filter=_filter, partial=True),
        to(f"one-way-{_who}-late", f"Only what the {_who} sends is captured, beginning when the connection is in use.",
           MID + "text=70 bin=3000 frag=text,5,p,7 ping=x wait=5 pongs=1 close=1000,bye", stacks=("ws", "gorilla"), filter=_filter,
           midstream=True, partial=True),
    ]
INSIDE = HELLO + " ping=from-client bin=5000 wait=3 close=1000,bye"
for _link, _notes in (
        ("vxlan", "Inside VXLAN."), ("geneve", "Inside GENEVE."), ("gre", "Inside GRE."), ("ipip", "Inside IPv4 in IPv4."),
        ("6in4", "IPv6 inside IPv4."), ("vxlan-fragments", "Inside VXLAN on a path of 700 bytes: IPv4 fragments."),
        ("gre-fragments", "Inside GRE on a path of 700 bytes: IPv4 fragments."),
        ("6in4-fragments", "IPv6 inside IPv4 on a path of 700 bytes: fragments."),
        ("vxlan6", "Inside VXLAN on IPv6."),
        ("geneve6-fragments", "Inside GENEVE on IPv6 on a path of 1280 bytes: IPv6 fragments.")):
    _host = "fd07::2" if _link.startswith("6in4") else "10.7.0.2"
    SCENARIOS.append(Scenario("tunnel-" + _link, _notes, [server("coder", host=_host)], [client("ws", INSIDE, host=_host)],
                              link=_link, interface="near0", filter="ip or (ip6 and not icmp6)"))
SCENARIOS += [
    Scenario("tunnel-vxlan-twice", "Two WebSockets at once between the same addresses and ports, in two VXLANs.",
             [server("ws", "echo ping=one", host="10.7.0.2"), server("ws", "echo ping=two", host="10.7.0.2", space=2)],
             [client("ws", "text=40 wait=1 sleep=200 bin=50 wait=2 close=1000,one", "/one", host="10.7.0.2", local_port=45678),
              client("ws", "bin=41 wait=1 sleep=200 text=52 wait=2 close=1000,two", "/two", host="10.7.0.2", local_port=45678,
                     space=2)],
             link="vxlan-twice", interface="near0", filter="ip", together=True),
    Scenario("zero-window", "The server does not read for two seconds: its window closes, is probed and opens again.",
             [server("raw", "reply=101 sleep=2000 read=3 frame=8,x03e8 read")],
             [client("ws", "bin=30000 text=100 bin=300")],
             sysctl={"net.ipv4.tcp_rmem": "4096 4096 8192"}),
    Scenario("keep-alive", "TCP keep-alives of the client and of the server in a silence of four seconds.",
             [server("raw", "reply=101 keep-alive read=1 sleep=2500 frame=1,still%20there read")],
             [client("raw", "keep-alive request answer frame=1,hello sleep=3500 read=1 frame=8,x03e8 read")]),
    Scenario("fast-open", "TCP Fast Open: the request is in the SYN, once the client has the cookie.",
             [server("raw", "reply=101 read=1 frame=1,hello read frame=8,x03e8")],
             [client("raw", "request answer frame=1,first read=1 frame=8,x03e8 read", "/first", fast_open=True),
              client("raw", "request answer frame=1,second read=1 frame=8,x03e8 read", "/second", fast_open=True)],
             sysctl={"net.ipv4.tcp_fastopen": "1027"}),
    Scenario("half-close", "The client half-closes TCP without a Close frame; the server goes on for a while.",
             [server("raw", "reply=101 read=1 frame=1,one sleep=200 frame=1,two sleep=200 frame=8,x03e9 drain")],
             [client("raw", "request answer frame=1,bye half-close read")]),
    Scenario("path-storm", "Segments are lost, repeated and out of order. Seen at the client.", [server("coder", host="192.0.2.2")],
             [client("ws", "bin=9000 text=10 bin=12000 text=20 wait=4 text=30 wait=5 close=1000", host="192.0.2.2")],
             link="storm", interface="near0", form="gzip"),
]
for _kind, _notes in (("loss", "Segments are lost on the way, before and after the capture."),
                      ("repeat", "Segments arrive twice."), ("swap", "Segments arrive out of order.")):
    SCENARIOS.append(Scenario(
        "path-" + _kind, _notes + " Seen at the client.", [server("coder", host="192.0.2.2")],
        [client("ws", "bin=20000 text=10 bin=30000 text=20 wait=4 text=30 wait=5 close=1000", host="192.0.2.2")],
        link=_kind, interface="near0"))
SCENARIOS.append(Scenario(
    "router-any", "On the pseudo-interface any of a router: each packet twice.", [server("gorilla", host="192.0.2.129")],
    [client("ws", HELLO + " bin=4000 wait=3 close=1000", host="192.0.2.129")], link="router", interface="any"))

STREAMS = [  # WebSockets on one connection
    {"target": "/one", "play": PAIR},
    {"target": "/two", "play": "text=3000 text=3000 bin=300 frag=text,500,p,700 wait=4 close=1000,two", "deflate": True},
    {"target": "/three", "play": "bin=20000 wait=1 close=3000,three", "subprotocols": ["chat"]},
]
OVER_H2 = "WebSockets over HTTP/2 in TLS: "


def h2(name, notes, streams, serving="echo", tls=True, serves=None, **more):
    """A row with one client, whose streams are on one HTTP/2 connection."""
    return Scenario(name, notes, [server("h2", serving, tls=tls, deflate=True, subprotocol="chat", **(serves or {}))],
                    [client("h2", "", streams=streams, tls=tls, **more.pop("asks", {}))],
                    keys=tls, form="pcapng" if tls else "pcap", **more)


SCENARIOS += [
    h2("h2-streams", OVER_H2 + "three on one connection, compressed and not, with pages before and beside.", STREAMS,
       "echo ping=from-server", asks={"http_first": 2}),
    h2("h2c-streams", "The same in clear, with prior knowledge.", STREAMS, "echo ping=from-server", tls=False,
       asks={"http_first": 2}),
    h2("h2-ends", OVER_H2 + "ended by END_STREAM and by RST_STREAM of each side, and by GOAWAY.",
       [{"target": "/client-fin", "play": "text=5 wait=1 sleep=50 fin"}, {"target": "/client-reset", "play": "text=5 wait=1 sleep=50 reset"},
        {"target": "/server-fin", "play": "text=5 wait=1"}, {"target": "/server-reset", "play": "text=5 wait=1"},
        {"target": "/server-goes", "play": "text=5 wait=1"}],
       serves={"plays": {"/server-fin": "echo wait=1 sleep=50 fin", "/server-reset": "echo wait=1 sleep=50 reset=NGHTTP2_INTERNAL_ERROR",
                         "/server-goes": "echo wait=1 sleep=50 goaway=NGHTTP2_ENHANCE_YOUR_CALM,1 sleep=50 die"}},
       asks={"in_turn": True}),
    h2("h2-stalls", OVER_H2 + "windows of 4096 and 6000 bytes, so that messages have to wait.",
       [{"target": "/slow", "play": "bin=30000 text=126 wait=2 close=1000"}, {"target": "/beside", "play": "text=200 wait=1 close=1000"}],
       serves={"settings": {"initialWindowSize": 4096}}, asks={"settings": {"initialWindowSize": 6000}}),
    h2("h2c-refused", "Refused over HTTP/2: by status and by RST_STREAM.",
       [{"target": "/status/404", "play": ""}, {"target": "/status/403", "play": "", "headers": {"origin": "http://evil.example"}},
        {"target": "/status/501", "play": ""}, {"target": "/reset/NGHTTP2_REFUSED_STREAM", "play": ""},
        {"target": "/works", "play": "text=5 wait=1 close=1000"}], tls=False, asks={"in_turn": True}),
    h2("h2c-not-allowed", "The server's SETTINGS do not allow extended CONNECT, and the client asks all the same.",
       [{"target": "/status/400", "play": ""}], tls=False, serves={"forbids": True}),
    h2("midstream-h2c", "Over HTTP/2 in clear; the capture begins when two WebSockets are in use.",
       [{"target": "/gate", "play": MID + "text=40 bin=300 text=70 text=20 wait=6 close=1000"},
        {"target": "/other", "play": "text=9 bin=6 wait=2 sleep=900 text=40 text=41 text=42 text=43 wait=5 close=1000"}], tls=False,
       midstream=True),
    Scenario("h2-chromium", "A browser over HTTP/2 in TLS, page and WebSocket on one connection: text and binary, compressed, "
             "pings of the server, subprotocol, close without a code.",
             [server("h2", "echo ping=from-server", tls=True, subprotocol="chat.v2", deflate=True, port=8443)],
             [client("chromium", HELLO + " text=500 wait=3 sleep=100 close", subprotocols=["chat.v1", "chat.v2"], h2=True, port=8443)],
             keys=True, form="pcapng", settle=1.0),
    Scenario("h2-haproxy", "HAProxy: HTTP/2 in TLS on one side, an HTTP/1.1 connection for each WebSocket on the other, in clear.",
             [server("ws", "echo ping=from-server")],
             [client("h2", "", streams=STREAMS[:1] + [{"target": "/second", "play": "text=300 wait=1 close=1000"}], tls=True, port=8443)],
             proxies=("haproxy-h2",), keys=True, form="pcapng"),
    Scenario("h2-hypercorn", "A server in Python over HTTP/2 in TLS.", [server("hypercorn", tls=True)],
             [client("h2", "", tls=True, http_first=1, streams=[
                 {"target": "/chat", "play": HELLO + " bin=20000 frag=text,5,p,7 wait=4 close=1000,bye"}])],
             keys=True, form="pcapng"),
    Scenario("h2c-upgrade", "HTTP/2 in clear by an upgrade from HTTP/1.1, whose request is stream 1; the WebSocket is stream 3.",
             [server("go-h2", "echo ping=from-server")],
             [client("h2c-upgrade", HELLO + " bin=20000 frag=text,5,7 ping=from-client wait=4 pongs=1 close=1000,bye")]),
    Scenario("h2-go", "Go over HTTP/2 in TLS on both ends; a page before, on the same connection.",
             [server("go-h2", "echo ping=from-server", tls=True, subprotocol="chat")],
             [client("go-h2", HELLO + " bin=20000 frag=text,5,p,7 ping=from-client wait=4 pongs=2 close=1000,bye", tls=True,
                     subprotocols=["chat"])], keys=True, form="pcapng"),
]


def wss(name, notes, servers, clients, **more):
    """A row where all peers speak TLS, if nothing else is said."""
    return Scenario(name, notes, [{"tls": True, **s} for s in servers], [{"tls": True, **c} for c in clients],
                    keys=True, form="pcapng", **more)


WSS_PLAY = HELLO + " bin=20000 text=300 wait=4 close=1000,bye"
FAULTS_OF_TLS = (  # the server's fault, or the client's; the version
    ("expired", "TLSv1.2"), ("early", "TLSv1.2"), ("name", "TLSv1.2"), ("self-signed", "TLSv1.2"), ("expired", "TLSv1.3"),
    ("versions", "TLSv1.2"), ("client-cert", "TLSv1.2"), ("client-cert", "TLSv1.3"))

SCENARIOS += [
    wss("wss-node", "In TLS 1.3 on Node: text and binary, an answer of several records, a ping from each side.",
        [server("ws", "echo ping=from-server", deflate=True)],
        [client("ws", WSS_PLAY, "/ws", deflate=True), client("undici", WSS_PLAY, "/undici")]),
    wss("wss-go", "In TLS 1.3 and 1.2 on Go, whose ClientHello has a key share for the time after quantum computers.",
        [server("coder"), server("gorilla", port=8082, tls_max="TLSv1.2")],
        [client("gorilla", WSS_PLAY, "/to-coder"), client("coder", WSS_PLAY, "/to-gorilla", port=8082)]),
    wss("wss-python", "In TLS 1.3 and 1.2 on Python.",
        [server("aiohttp"), server("websockets", port=8082, tls_max="TLSv1.2")],
        [client("websockets", WSS_PLAY, "/to-aiohttp"), client("aiohttp", WSS_PLAY, "/to-websockets", port=8082)]),
    wss("wss-chromium", "A browser over HTTP/1.1 in TLS: text and binary, compressed, pings of the server, subprotocol, close "
        "without a code.", [server("ws", "echo ping=from-server", subprotocol="chat.v2", deflate=True)],
        [client("chromium", HELLO + " text=500 wait=3 sleep=100 close", subprotocols=["chat.v1", "chat.v2"])], settle=1.0),
    wss("wss-early", "In TLS 1.3 on nginx, with the opening handshake in early data (0-RTT); the session is of the connection before.",
        [server("ws", "echo ping=from-server", tls=False)],
        [client("early", WSS_PLAY, "/early", port=8446)], nginx=True),
    wss("midstream-wss", "In TLS 1.3, with keys; the capture begins when the WebSocket is in use.", [server("ws")],
        [client("undici7", MID + "text=70 bin=20000 text=300 wait=5 close=1000,bye")], midstream=True),
    wss("wss-nginx", "nginx ends TLS; the leg to its backend is in clear.", [server("ws", "echo ping=from-server", tls=False)],
        [client("ws", WSS_PLAY, port=8445), client("gorilla", WSS_PLAY, "/gorilla", port=8445)], nginx=True),
    wss("tls-faults", "TLS fails, a connection each: certificates that are over, not valid yet, for another name, self-signed, in "
        "TLS 1.2, and over in 1.3; no common version; a certificate of the client is wanted, in 1.2 and 1.3; no common ALPN; an "
        "authority that is not known; the browser refuses; TLS to a port without, and ws to one with TLS.",
        [server("gorilla", port=8500 + i, tls_fault=f, tls_max=v) for i, (f, v) in enumerate(FAULTS_OF_TLS)]
        + [server("coder", port=8520, tls_fault="alpn"), server("coder", port=8521), server("ws", port=8522, tls=False), server("ws", port=8523)],
        [client("gorilla" if f == "versions" else "ws", "", f"/{f}", port=8500 + i, tls_max="TLSv1.2" if f == "versions" else v)
         for i, (f, v) in enumerate(FAULTS_OF_TLS)]
        + [client("gorilla", "", "/alpn", port=8520, tls_fault="alpn-http"), client("coder", "", "/unknown-ca", port=8521, tls_fault="unknown-ca"),
           client("chromium", "close", "/browser", port=8523, strict=True),
           client("ws", "", "/tls-to-http", port=8522), client("ws", "", "/http-to-tls", port=8521, tls=False)], settle=1.0),
    wss("wss-via", "TLS inside what proxies are told first: behind PROXY protocol in version 1, in version 2, and in version 2 inside "
        "SOCKS 4, and through the tunnel of an HTTP proxy; all legs.", [server("ws")],
        [client("ws", PAIR, "/v1", port=8091), client("ws", PAIR, "/v2", port=8092), client("ws", PAIR, "/v2-socks4", port=8093),
         client("ws", PAIR, "/tunnel", chain=[("http", 3128)])], proxies=("haproxy", "dante", "tinyproxy")),
    wss("tls-refusals", "TLS fails, a connection each: no common cipher suite; a name that the server does not know; an authority that "
        "Node and Python do not know, in TLS 1.3 and 1.2, which they tell nobody.",
        [server("gorilla", port=8540, tls_fault="gcm-256", tls_max="TLSv1.2"), server("gorilla", port=8541, tls_fault="no-name"),
         server("ws", port=8542), server("ws", port=8543), server("ws", port=8544)],
        [client("gorilla", "", "/ciphers", port=8540, tls_fault="gcm-128", tls_max="TLSv1.2"), client("gorilla", "", "/no-name", port=8541, tls_fault="localhost"),
         client("ws", "", "/node", port=8542, tls_fault="unknown-ca"),
         client("ws", "", "/node-1.2", port=8543, tls_fault="unknown-ca", tls_max="TLSv1.2"),
         client("websockets", "", "/python", port=8544, tls_fault="unknown-ca")], settle=1.0),
    wss("tls-more", "TLS that fails, or will: a certificate without the one it was signed with, one for five days, TLS 1.1, HTTP/2 "
        "agreed on by a client that does not mean it, a proxy that looks into TLS with a certificate of its own.",
        [server("gorilla", port=8550, tls_fault="chain", tls_max="TLSv1.2"), server("gorilla", port=8551, tls_fault="soon", tls_max="TLSv1.2"),
         server("gorilla", port=8552, tls_fault="old"), server("h2", port=8553)],
        [client("ws", "", "/chain", port=8550, tls_max="TLSv1.2"),
         client("gorilla", "text=5 wait=1 close=1000", "/soon", port=8551, tls_fault="trusting", tls_max="TLSv1.2"),
         client("gorilla", "text=5 wait=1 close=1000", "/old", port=8552, tls_fault="old"),
         client("gorilla", "", "/h2", port=8553, tls_fault="alpn-h2"),
         client("ws", "", "/looked-into", port=8561, tls_max="TLSv1.2")], proxies=("mitmproxy",), settle=1.0),
    wss("tls-names", "Names of servers: each is asked with one that it knows, and then without one, or for another: Node that has "
        "certificates by name alone, HAProxy that leads TLS on by its name, HAProxy that ends TLS with strict-sni; and a client that "
        "refuses a certificate for another name, and comes back with the right one.",
        [server("ws", port=8570, tls_fault="by-name"), server("ws", tls=False), server("gorilla", port=8573)],
        [client("gorilla", "text=5 wait=1 close=1000", f"/{port}-{name}", port=port, tls_fault=name)
         for port in (8570, 8571, 8572) for name in ("localhost", "nameless")]
        + [client("gorilla", "text=5 wait=1 close=1000", "/8571-other", port=8571, tls_fault="other-name"),
           client("gorilla", "", "/8573-other", port=8573, tls_fault="other-name"),
           client("gorilla", "text=5 wait=1 close=1000", "/8573-localhost", port=8573, tls_fault="localhost")],
        proxies=("haproxy-names",), settle=1.0),
    wss("tls-killed", "In TLS 1.3, the server is killed: a FIN without close_notify, nor a Close frame.",
        [server("ws", "echo wait=1 sleep=50 die")], [client("gorilla", "text=5 wait=1", "/killed")]),
    wss("tls-unanswered", "A large ClientHello that nobody answers.", [],
        [client("gorilla", "", "/unanswered", port=8565, tls_fault="impatient")], proxies=("deaf",)),
]


def app(play, notes):
    """A row where an application's own libraries speak."""
    return Scenario("app-" + play.replace(".", ""), notes, [server("apps", play)], [client("apps", play, "/" + play)])


SCENARIOS += [
    app("socket.io", "Socket.IO: a stranger is refused by CONNECT_ERROR; then an event with an answer, and heartbeats each 0.3 s."),
    app("graphql", "GraphQL over graphql-transport-ws: a query that is answered, and one with a field that does not exist."),
    app("stomp", "STOMP 1.2: a message that comes back, heartbeats each 0.3 s, and an ERROR that ends the session."),
    app("mqtt", "MQTT 3.1.1: a stranger is refused by CONNACK 4; then SUBSCRIBE, PUBLISH with QoS 1, and pings each second."),
]
