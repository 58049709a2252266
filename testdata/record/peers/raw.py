"""A peer on a plain socket, for what no library does. It logs each frame that it wrote and that it read.

Steps beside those of the other peers' plays:
  request[=FIELD%3A%20VALUE,...]  the request, with these fields in place of those of the same name
  reply=KIND     the response: 101, 200, wrong-accept, subprotocol, extension, none
  frame=OPCODE[FLAGS],PAYLOAD  FLAGS: m more fragments follow, x masked the wrong way, a b c RSV1 RSV2 RSV3,
                 l L the payload length in 16 or 64 bits where fewer do;
                 PAYLOAD: a length, x and hex digits, or text
  hold-back ... send   one write for all in between
  slowly         from here on one byte at a time
  answer         waits for the response; read=N for N frames; read for all until a Close frame or the end
  gate           the capture begins here
  keep-alive     TCP keep-alives from here on, after a second of silence; half-close: FIN, and goes on reading
  page=PATH      a plain request and its response; drain: reads to the end
"""

import base64
import hashlib
import json
import os
import signal
import socket
import struct
import sys
import time
from urllib.parse import unquote

CONF = json.loads(sys.argv[1])
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KINDS = {1: "text", 2: "binary"}
CONTROL = {9: "pings", 10: "pongs"}


def say(**event):
    print(json.dumps(event), flush=True)


def message(kind, data):
    return {"kind": kind, "length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


class Log:
    """Counts frames, and joins well-formed messages, of one direction."""

    def __init__(self):
        self.frames, self.messages, self.close = [], [], None
        self.counts = {"pings": 0, "pongs": 0}
        self.kind, self.parts = None, []

    def add(self, first, masked, payload):
        opcode, fin = first & 15, first >= 128
        self.frames.append({"opcode": opcode, "fin": fin, "rsv": first >> 4 & 7, "masked": masked, "length": len(payload)})
        if opcode in CONTROL:
            self.counts[CONTROL[opcode]] += 1
        elif opcode == 8:
            code = struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else 1005
            self.close = self.close or {"code": code, "reason": payload[2:].decode(errors="replace")}
        elif opcode in (0, 1, 2):
            self.kind = KINDS.get(opcode, self.kind)
            self.parts.append(payload)
            if fin and self.kind:
                self.messages.append(message(self.kind, b"".join(self.parts)))
                self.kind, self.parts = None, []


class Raw:
    """One end of one TCP connection."""

    def __init__(self, sock, side):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(CONF.get("patience", 3))
        self.sock, self.side, self.inbox = sock, side, b""
        self.sent, self.received = Log(), Log()
        self.held, self.slow, self.status = None, False, 0
        self.target, self.key = CONF["target"], "dGhlIHNhbXBsZSBub25jZQ=="
        self.plain, self.subprotocol = True, None
        ports = sock.getsockname()[1], sock.getpeername()[1]
        self.client_port, self.server_port = ports if side == "client" else reversed(ports)

    def write(self, data):
        if self.held is not None:
            self.held += data
        elif self.slow:
            for i in range(len(data)):
                self.sock.sendall(data[i:i + 1])
                time.sleep(0.0005)
        else:
            self.sock.sendall(data)

    def fill(self):
        """Reads more; False at the end of the connection."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, TimeoutError):
            data = b""
        self.inbox += data
        return bool(data)

    def head(self):
        while b"\r\n\r\n" not in self.inbox and self.fill():
            pass
        head, _, self.inbox = self.inbox.partition(b"\r\n\r\n")
        return head.decode("latin-1").split("\r\n")

    def request(self, *fields):
        self.plain = False
        if CONF.get("fast_open"):  # it is sent already, in the SYN
            return
        host = f"{CONF['host']}:{CONF['port']}"
        wanted = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": self.key,
                  "Sec-WebSocket-Version": "13"}
        wanted.update(unquote(field).split(": ", 1) for field in fields)
        lines = [f"GET {self.target} HTTP/1.1", *(f"{n}: {v}" for n, v in wanted.items() if v)]
        self.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    def answer(self):
        line = self.head()[0]
        self.status = int(line.split()[1]) if line else 0

    def take_request(self):
        lines = self.head()
        self.target = lines[0].split()[1]
        self.key = next((v for n, _, v in (x.partition(": ") for x in lines) if n.lower() == "sec-websocket-key"), "")

    def reply(self, kind):
        accept = base64.b64encode(hashlib.sha1(self.key.encode() + GUID).digest()).decode()
        if kind == "wrong-accept":
            accept = base64.b64encode(bytes(20)).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Accept: " + accept]
        lines += {"subprotocol": ["Sec-WebSocket-Protocol: not-offered"],
                  "extension": ["Sec-WebSocket-Extensions: x-not-offered"]}.get(kind, [])
        if kind == "subprotocol":
            self.subprotocol = "not-offered"
        if kind == "200":
            lines = ["HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: 6"]
        if kind != "none":
            self.status = int(lines[0].split()[1])
            self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"hello\n" if kind == "200" else b""))

    def frame(self, how, payload=""):
        opcode = int(how.rstrip("mxabclL"))
        first = opcode | (0 if "m" in how else 128) | sum(64 >> "abc".index(b) for b in how if b in "abc")
        masked = (self.side == "client") != ("x" in how)
        data = decode(payload)
        self.write(encode(first, masked, data, 126 if "l" in how else 127 if "L" in how else 0))
        self.sent.add(first, masked, data)

    def read_frame(self):
        """The next frame that arrives, or None."""
        while True:
            got = parse(self.inbox)
            if got:
                first, masked, payload, self.inbox = got
                self.received.add(first, masked, payload)
                return first & 15
            if not self.fill():
                return None

    def read(self, n="999999"):
        for _ in range(int(n)):
            if self.read_frame() in (None, 8):
                return

    def step(self, name, args):
        if name == "hold-back":
            self.held = b""
        elif name == "send":
            held, self.held = self.held, None
            self.write(held)
        elif name == "slowly":
            self.slow = True
        elif name == "sleep":
            time.sleep(int(args[0]) / 1000)
        elif name == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        elif name == "drain":
            while self.fill():
                pass
        elif name == "page":
            self.page(args[0])
        elif name == "gate":
            say(event="gate", sent=len(self.sent.messages), received=len(self.received.messages))
            sys.stdin.readline()
        elif name == "keep-alive":
            for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 9)):
                self.sock.setsockopt(socket.IPPROTO_TCP, option, value)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        elif name == "half-close":
            self.sock.shutdown(socket.SHUT_WR)
        else:
            {"request": self.request, "answer": self.answer, "reply": self.reply, "frame": self.frame,
             "read": self.read}[name](*args)

    def page(self, path):
        """One plain request and its response, whose length the server tells."""
        self.write(f"GET {path} HTTP/1.1\r\nHost: {CONF['host']}\r\n\r\n".encode())
        lines = self.head()
        length = next(int(x.split(": ")[1]) for x in lines if x.lower().startswith("content-length: "))
        while len(self.inbox) < length and self.fill():
            pass
        self.inbox = self.inbox[length:]

    def play(self, text):
        for word in text.split():
            name, _, value = word.partition("=")
            self.step(name, value.split(",") if value else [])

    def print(self, **more):
        if self.side == "client" and self.plain:
            return say(event="http", client_port=self.client_port, server_port=self.server_port)
        log = {"received": self.received.messages, "frames_sent": self.sent.frames,
               "frames_received": self.received.frames, "close_sent": self.sent.close,
               "close_received": self.received.close}
        if not CONF.get("fault"):  # a faulty frame is no message
            log["sent"] = self.sent.messages
        for kind in ("pings", "pongs"):
            log.update({kind + "_sent": self.sent.counts[kind], kind + "_received": self.received.counts[kind]})
        say(event="connection", side=self.side, software="raw socket", client_port=self.client_port,
            server_port=self.server_port, target=self.target, status=self.status, opened=self.status == 101, subprotocol=self.subprotocol,
            log=log, **more)


def decode(payload):
    if payload.isdigit():
        return bytes(97 + i % 26 for i in range(int(payload)))
    return bytes.fromhex(payload[1:]) if payload[:1] == "x" else unquote(payload).encode()


def encode(first, masked, data, form=0):
    mask = 128 if masked else 0
    if len(data) < 126 and not form:
        head = struct.pack("!BB", first, mask | len(data))
    elif len(data) < 65536 and form < 127:
        head = struct.pack("!BBH", first, mask | 126, len(data))
    else:
        head = struct.pack("!BBQ", first, mask | 127, len(data))
    if not masked:
        return head + data
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(data))


def parse(data):
    """First byte, masked, payload and rest of the first frame in data, if it is whole."""
    if len(data) < 2:
        return None
    masked, length, at = data[1] >= 128, data[1] & 127, 2
    if length > 125:
        size = 2 if length == 126 else 8
        length, at = int.from_bytes(data[2:2 + size], "big"), 2 + size
    key, at = (data[at:at + 4], at + 4) if masked else (bytes(4), at)
    if len(data) < at + length:
        return None
    payload = bytes(b ^ key[i % 4] for i, b in enumerate(data[at:at + length]))
    return data[0], masked, payload, data[at + length:]


def fast_open():
    """A connection whose SYN carries the request (RFC 7413)."""
    host = f"{CONF['host']}:{CONF['port']}"
    lines = [f"GET {CONF['target']} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    sock = socket.socket()
    sock.sendto("\r\n".join(lines).encode() + b"\r\n\r\n", socket.MSG_FASTOPEN, (CONF["host"], CONF["port"]))
    return sock


def serve():
    """The connections get the plays in turn."""
    plays = CONF.get("plays") or [CONF["play"]]
    listener = socket.create_server((CONF["host"], CONF["port"]))
    say(event="listening")
    for i in range(1000):
        raw = Raw(listener.accept()[0], "server")
        signal.signal(signal.SIGTERM, lambda *_, raw=raw: (raw.print(live=True), os._exit(0)))
        raw.take_request()
        raw.play(plays[i % len(plays)])
        raw.sock.close()
        raw.print()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def connect():
    for i, play in enumerate(CONF.get("plays") or [CONF["play"]]):
        raw = Raw(fast_open() if CONF.get("fast_open") else socket.create_connection((CONF["host"], CONF["port"])), "client")
        if "plays" in CONF:
            raw.target += f"/{i + 1}"
        raw.play(play)
        raw.sock.close()
        raw.print()


serve() if CONF["role"] == "server" else connect()
