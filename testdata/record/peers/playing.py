"""What the Python peers share: the log of a connection, and a play performed with asyncio."""

import asyncio
import hashlib
import json
import os
import signal
import ssl
import sys
from urllib.parse import unquote

CONF = json.loads(sys.argv[1])
ECHO = "echo" in CONF.get("play", "").split()
LIVE = []


def say(**event):
    print(json.dumps(event), flush=True)


def message(kind, data):
    data = data.encode() if isinstance(data, str) else bytes(data)
    return {"kind": kind, "length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def content(kind, length):
    """The bytes that the other peers make, too."""
    if kind == "text":
        return "".join(chr(ord("a") + i % 26) for i in range(int(length)))
    return bytes(i * 7 % 251 for i in range(int(length)))


class Record:
    """What one end of a connection said. Keys that the library cannot tell are not in the log."""

    def __init__(self, side, software, target, **more):
        self.log = {"sent": [], "received": []}
        self.head = {"side": side, "software": software, "target": target, "status": 0, "opened": False, **more}
        LIVE.append(self)

    def count(self, key, n=1):
        self.log[key] = self.log.get(key, 0) + n

    def opened(self, **more):
        self.head.update(status=101, opened=True, **more)

    def print(self, **more):
        if self in LIVE:
            LIVE.remove(self)
            say(event="connection", **self.head, **more, log=self.log)


def end(*_):
    for record in LIVE[:]:
        record.print(live=True)
    os._exit(0)


signal.signal(signal.SIGTERM, end)


class Peer:
    """An open connection; a subclass has send, ping and close of its library."""

    over = False

    def __init__(self, record):
        self.record = record
        self.log = record.log

    async def got(self, kind, data):
        self.log["received"].append(message(kind, data))
        if ECHO:
            await self.message(kind, data)

    async def message(self, kind, data):
        self.log["sent"].append(message(kind, data))
        await self.send(kind, data)

    async def until(self, true_):
        while not true_() and not self.over:
            await asyncio.sleep(0.002)

    async def step(self, name, args):
        if name == "say":
            await self.message("text", unquote(args[0]))
        elif name in ("text", "bin"):
            kind = "text" if name == "text" else "binary"
            await self.message(kind, content(kind, args[0]))
        elif name == "frag":
            parts = [content(args[0], n) for n in args[1:]]
            self.log["sent"].append(message(args[0], parts[0][:0].join(parts)))
            await self.fragments(parts)
        elif name == "ping":
            self.record.count("pings_sent")
            await self.ping(args[0].encode())
        elif name == "wait":
            await self.until(lambda: len(self.log["received"]) >= int(args[0]))
        elif name == "pongs":
            await self.until(lambda: self.log.get("pongs_received", 0) >= int(args[0]))
        elif name == "sleep":
            await asyncio.sleep(int(args[0]) / 1000)
        elif name == "close":
            code, reason = (int(args[0]) if args else None), (unquote(args[1]) if len(args) > 1 else "")
            await self.close(code, reason)
        elif name == "hold":
            say(event="hold")
            await asyncio.sleep(60)

    async def play(self):
        for word in CONF.get("play", "").split():
            name, _, value = word.partition("=")
            if not self.over:
                await self.step(name, value.split(",") if value else [])
        await self.until(lambda: False)


def url():
    return f"{'wss' if 'cert' in CONF else 'ws'}://{CONF['host']}:{CONF['port']}{CONF['target']}"


def secured(server):
    """The settings of TLS, if there is TLS. The library writes the secrets where SSLKEYLOGFILE says."""
    if "cert" not in CONF:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH,
                                         cafile=None if CONF.get("tls_fault") == "unknown-ca" else CONF["cert"])
    if server:
        context.load_cert_chain(CONF["cert"])
    if CONF.get("tls_max") == "TLSv1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
