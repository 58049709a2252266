"""Client and server on the Python library websockets."""

import asyncio

import websockets
from playing import CONF, Peer, Record, say, secured, url

SOFTWARE = f"websockets {websockets.version.version} (Python)"


class WebsocketsPeer(Peer):
    """The library answers pings itself and does not tell."""

    def __init__(self, ws, record):
        super().__init__(record)
        self.ws = ws
        local, remote = ws.local_address[1], ws.remote_address[1]
        client = record.head["side"] == "client"
        record.head.update(client_port=local if client else remote, server_port=remote if client else local)
        record.opened(subprotocol=ws.subprotocol or "",
                      extensions=ws.response_headers.get("Sec-WebSocket-Extensions", ""))
        if not CONF.get("own_pings"):  # those the library sends itself it does not tell of
            self.log.update(pings_sent=0, pongs_received=0)

    async def run(self):
        playing = asyncio.ensure_future(self.play())
        try:
            async for data in self.ws:
                await self.got("text" if isinstance(data, str) else "binary", data)
        except websockets.ConnectionClosedError as error:
            self.record.head["error"] = str(error)
        await self.ws.wait_closed()
        self.over = True
        for key, close in (("close_sent", self.ws.close_sent), ("close_received", self.ws.close_rcvd)):
            self.log[key] = close and {"code": int(close.code), "reason": close.reason}
        self.record.print()
        await playing

    async def send(self, kind, data):
        await self.ws.send(data)

    async def fragments(self, parts):
        await self.ws.send(parts)

    async def ping(self, payload):
        pong = await self.ws.ping(payload)
        pong.add_done_callback(lambda p: p.exception() or self.record.count("pongs_received"))

    async def close(self, code, reason):
        await self.ws.close(code or 1000, reason)


def deflate():
    return "deflate" if CONF.get("deflate") else None


async def serve():
    offered = [CONF["subprotocol"]] if "subprotocol" in CONF else None

    async def handler(ws, path):
        await WebsocketsPeer(ws, Record("server", SOFTWARE, path)).run()

    async with websockets.serve(handler, CONF["host"], CONF["port"], compression=deflate(), subprotocols=offered,
                                ssl=secured(True)):
        say(event="listening")
        await asyncio.Future()


async def connect():
    record = Record("client", SOFTWARE, CONF["target"], server_port=CONF["port"])
    try:
        async with websockets.connect(url(), compression=deflate(), subprotocols=CONF.get("subprotocols"),
                                      origin=CONF.get("origin"), ping_interval=None, ssl=secured(False)) as ws:
            await WebsocketsPeer(ws, record).run()
    except websockets.InvalidStatusCode as error:
        record.head["status"] = error.status_code
        record.print()
    except websockets.InvalidHandshake as error:
        record.head["status"] = 101
        record.print(error=str(error))


asyncio.run(serve() if CONF["role"] == "server" else connect())
