"""Clients that have their frames from wsproto, and what carries them from elsewhere.

h2c-upgrade: HTTP/2 by h2, which an HTTP/1.1 request asks for (RFC 7540 section 3.2); the WebSocket is its stream 3.
early: TLS by openssl s_client, which sends the opening handshake before its own is over (RFC 8446 section 2.3).
"""

import asyncio
import base64
import os
import pathlib
import ssl
import tempfile
from importlib.metadata import version

import wsproto
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage

from playing import CONF, Peer, Record

HOST = f"{CONF['host']}:{CONF['port']}"


class ProtoPeer(Peer):
    """Frames of wsproto on bytes that write takes and fed brings."""

    def __init__(self, record, write):
        super().__init__(record)
        self.log.update(close_sent=None, close_received=None)
        self.proto = wsproto.Connection(wsproto.ConnectionType.CLIENT)
        self.write = write
        self.parts = []

    async def out(self, event):
        await self.write(self.proto.send(event))

    async def send(self, kind, data):
        await self.out(Message(data=data))

    async def fragments(self, parts):
        for i, part in enumerate(parts):
            await self.out(Message(data=part, message_finished=i == len(parts) - 1))

    async def ping(self, payload):
        await self.out(Ping(payload=payload))

    async def close(self, code, reason):
        self.log["close_sent"] = {"code": code, "reason": reason}
        await self.out(CloseConnection(code=code, reason=reason))

    async def fed(self, data):
        if self.over or not data:
            return
        self.proto.receive_data(data)
        for event in self.proto.events():
            await self.heard(event)

    async def heard(self, event):
        if isinstance(event, (TextMessage, BytesMessage)):
            self.parts.append(event.data)
            if event.message_finished:
                whole, self.parts = self.parts[0][:0].join(self.parts), []
                await self.got("text" if isinstance(event, TextMessage) else "binary", whole)
        elif isinstance(event, Ping):
            self.record.count("pings_received")
            self.record.count("pongs_sent")
            await self.out(event.response())
        elif isinstance(event, Pong):
            self.record.count("pongs_received")
        elif isinstance(event, CloseConnection):
            self.log["close_received"] = {"code": event.code, "reason": event.reason or ""}
            if self.log["close_sent"] is None:
                self.log["close_sent"] = {"code": event.code, "reason": ""}
                await self.out(event.response())
            self.over = True


async def upgraded():
    """Asks for a page and for h2c at once, and then for a WebSocket."""
    from h2 import config, connection, events

    reader, writer = await asyncio.open_connection(CONF["host"], CONF["port"])
    record = Record("client", f"h2 {version('h2')} and wsproto {version('wsproto')}", CONF["target"], server_port=CONF["port"],
                    client_port=writer.get_extra_info("sockname")[1], h2_stream=3)
    h2 = connection.H2Connection(config.H2Configuration(client_side=True, header_encoding="utf-8"))
    wanted = h2.initiate_upgrade_connection().decode()
    writer.write(f"GET /page/ HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                 f"HTTP2-Settings: {wanted}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"not upgraded: {head}")
    writer.write(h2.data_to_send())
    peer, player = None, None

    async def write(data):
        h2.send_data(3, data)
        writer.write(h2.data_to_send())

    while data := await reader.read(65536):
        for event in h2.receive_data(data):
            if isinstance(event, events.StreamEnded) and event.stream_id == 1:
                h2.send_headers(3, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", CONF["target"]),
                                    (":authority", HOST), ("sec-websocket-version", "13")])
            elif isinstance(event, events.ResponseReceived) and event.stream_id == 3:
                record.head.update(status=int(dict(event.headers)[":status"]), opened=True)
                peer = ProtoPeer(record, write)
                player = asyncio.create_task(peer.play())
            elif isinstance(event, events.DataReceived):
                h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_id == 3:
                    await peer.fed(event.data)
            elif isinstance(event, events.StreamEnded):
                h2.close_connection()
        writer.write(h2.data_to_send())
        if peer and peer.over:
            h2.end_stream(3)
            writer.write(h2.data_to_send())
            await player
            break
    record.print()
    writer.close()


REQUEST = (f"GET {CONF['target']} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n")


async def early():
    """Gets a session first, and resumes it with the request in early data."""
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "request").write_text(REQUEST)
    base = ["openssl", "s_client", "-connect", HOST, "-servername", "localhost", "-CAfile", CONF["cert"], "-keylogfile",
            os.environ["SSLKEYLOGFILE"], "-quiet", "-no_ign_eof"]
    first = await asyncio.create_subprocess_exec(*base, "-sess_out", folder / "session", stdin=-1, stdout=-1, stderr=-3)
    first.stdin.write(b"GET /page/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    await first.stdout.read()
    await first.wait()
    second = await asyncio.create_subprocess_exec(*base, "-sess_in", folder / "session", "-early_data", folder / "request",
                                                  stdin=-1, stdout=-1, stderr=-3)
    record = Record("client", f"{ssl.OPENSSL_VERSION.rsplit(' ', 3)[0]} s_client and wsproto {version('wsproto')}", CONF["target"],
                    server_port=CONF["port"])

    async def write(data):
        second.stdin.write(data)
        await second.stdin.drain()

    head = await second.stdout.readuntil(b"\r\n\r\n")
    record.head.update(status=int(head.split()[1]), opened=head.startswith(b"HTTP/1.1 101"))
    peer = ProtoPeer(record, write)
    player = asyncio.create_task(peer.play())
    while not peer.over and (data := await second.stdout.read(65536)):
        await peer.fed(data)
    await player
    second.stdin.close()
    await second.wait()
    record.print()


asyncio.run({"h2c-upgrade": upgraded, "early": early}[CONF["stack"]]())
