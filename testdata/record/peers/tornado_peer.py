"""Client and server on the Python library Tornado."""

import asyncio

import tornado
from playing import CONF, Peer, Record, say, url
from tornado import web, websocket

SOFTWARE = f"Tornado {tornado.version}"


class TornadoPeer(Peer):
    """The library answers pings and Close frames itself; of the answers it does not tell."""

    def __init__(self, ws, record):
        super().__init__(record)
        self.ws = ws
        self.log.update(pings_sent=0)
        stream = ws.ws_connection.stream if hasattr(ws, "ws_connection") else ws.protocol.stream
        local, remote = stream.socket.getsockname()[1], stream.socket.getpeername()[1]
        client = record.head["side"] == "client"
        record.opened(subprotocol=ws.selected_subprotocol or "", client_port=local if client else remote,
                      server_port=remote if client else local)

    def ended(self, code, reason):
        """Without a code nobody knows whether a Close frame came."""
        self.over = True
        if code is not None:
            self.log["close_received"] = {"code": code, "reason": reason or ""}
        self.record.print()

    async def send(self, kind, data):
        await self.ws.write_message(data, binary=kind == "binary")

    async def ping(self, payload):
        self.ws.ping(payload)

    async def close(self, code, reason):
        self.log["close_sent"] = {"code": code or 1005, "reason": reason}
        self.ws.close(code, reason or None)


class Handler(websocket.WebSocketHandler):
    """One connection of the server."""

    async def open(self, *_):
        self.peer = TornadoPeer(self, Record("server", SOFTWARE, self.request.uri))
        asyncio.ensure_future(self.peer.play())

    def select_subprotocol(self, subprotocols):
        return CONF.get("subprotocol") if CONF.get("subprotocol") in subprotocols else None

    async def on_message(self, message):
        await self.peer.got("text" if isinstance(message, str) else "binary", message)

    def on_ping(self, data):
        self.peer.record.count("pings_received")

    def on_pong(self, data):
        self.peer.record.count("pongs_received")

    def on_close(self):
        self.peer.ended(self.close_code, self.close_reason)

    def get_compression_options(self):
        return {} if CONF.get("deflate") else None

    def check_origin(self, origin):
        allowed = super().check_origin(origin) or origin == "http://friend.example"
        if not allowed:
            local, remote = self.request.connection.stream.socket, self.request.connection.stream.socket
            record = Record("server", SOFTWARE, self.request.uri, client_port=remote.getpeername()[1],
                            server_port=local.getsockname()[1])
            record.head["status"] = 403
            record.print()
        return allowed


async def serve():
    web.Application([("/.*", Handler)]).listen(CONF["port"], CONF["host"])
    say(event="listening")
    await asyncio.Future()


async def connect():
    record = Record("client", SOFTWARE, CONF["target"], server_port=CONF["port"])
    ws = await websocket.websocket_connect(url(), subprotocols=CONF.get("subprotocols"),
                                           compression_options={} if CONF.get("deflate") else None)
    peer = TornadoPeer(ws, record)
    playing = asyncio.ensure_future(peer.play())
    while (message := await ws.read_message()) is not None:
        await peer.got("text" if isinstance(message, str) else "binary", message)
    peer.ended(ws.close_code, ws.close_reason)
    await playing


asyncio.run(serve() if CONF["role"] == "server" else connect())
