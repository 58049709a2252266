"""Client and server on the Python library aiohttp."""

import asyncio

import aiohttp
from aiohttp import WSMsgType, web
from playing import CONF, Peer, Record, say, secured, url

SOFTWARE = f"aiohttp {aiohttp.__version__} (Python)"


class AiohttpPeer(Peer):
    """Pings and Close frames are shown by the library and answered here."""

    closing = False

    def __init__(self, ws, record):
        super().__init__(record)
        self.ws = ws
        self.log.update(pings_sent=0, pings_received=0, pongs_sent=0, pongs_received=0,
                        close_sent=None, close_received=None)

    async def run(self):
        playing = asyncio.ensure_future(self.play())
        self.receiving = asyncio.ensure_future(self.receive_all())
        await asyncio.wait([self.receiving])
        self.over = not self.closing
        await playing
        self.record.print()

    async def receive_all(self):
        while True:
            msg = await self.ws.receive()
            if msg.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await self.got(msg.type.name.lower(), msg.data)
            elif msg.type == WSMsgType.PING:
                self.record.count("pings_received")
                self.record.count("pongs_sent")
                await self.ws.pong(msg.data)
            elif msg.type == WSMsgType.PONG:
                self.record.count("pongs_received")
            elif msg.type == WSMsgType.CLOSE:
                self.log["close_received"] = {"code": msg.data or 1005, "reason": msg.extra or ""}
                await self.answer_close(msg.data or 1000)
                return
            else:
                if msg.type == WSMsgType.ERROR:  # the library closes, and does not tell how
                    del self.log["close_sent"]
                return

    async def answer_close(self, code):
        self.log["close_sent"] = {"code": code, "reason": ""}
        await self.ws.close(code=code)

    async def send(self, kind, data):
        await (self.ws.send_str(data) if kind == "text" else self.ws.send_bytes(data))

    async def ping(self, payload):
        await self.ws.ping(payload)

    async def close(self, code, reason):
        """Waits for the other end's Close frame, of which the library keeps the code only, and none if it is receiving."""
        self.closing = True
        self.receiving.cancel()
        await asyncio.wait([self.receiving])
        self.log["close_sent"] = {"code": code or 1000, "reason": reason}
        await self.ws.close(code=code or 1000, message=reason.encode())
        if self.ws.close_code != 1006:
            self.log["close_received"] = {"code": self.ws.close_code}
        self.over = True


def ports(transport, client):
    local, remote = transport.get_extra_info("sockname")[1], transport.get_extra_info("peername")[1]
    return {"client_port": local if client else remote, "server_port": remote if client else local}


async def serve():
    async def handler(request):
        record = Record("server", SOFTWARE, request.path_qs, **ports(request.transport, False))
        ws = web.WebSocketResponse(autoping=False, autoclose=False, compress=CONF.get("deflate", False),
                                   protocols=[CONF["subprotocol"]] if "subprotocol" in CONF else ())
        await ws.prepare(request)
        record.opened(subprotocol=ws.ws_protocol or "", extensions=ws.headers.get("Sec-WebSocket-Extensions", ""))
        await AiohttpPeer(ws, record).run()
        return ws

    app = web.Application()
    app.router.add_get("/{rest:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, CONF["host"], CONF["port"], ssl_context=secured(True)).start()
    say(event="listening")
    await asyncio.Future()


async def connect():
    record = Record("client", SOFTWARE, CONF["target"], server_port=CONF["port"])
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url(), autoping=False, autoclose=False, origin=CONF.get("origin"), ssl=secured(False),
                                      compress=15 if CONF.get("deflate") else 0,
                                      protocols=CONF.get("subprotocols", ())) as ws:
            record.opened(subprotocol=ws.protocol or "", client_port=ws.get_extra_info("sockname")[1])
            await AiohttpPeer(ws, record).run()


asyncio.run(serve() if CONF["role"] == "server" else connect())
