"""A server on Hypercorn, which has WebSockets over HTTP/2 by h2 and wsproto: what ASGI tells of them."""

import asyncio
import signal
from importlib.metadata import version

from hypercorn.asyncio import serve
from hypercorn.config import Config

from playing import CONF, LIVE, Record, message, say

SOFTWARE = f"Hypercorn {version('hypercorn')}"


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return await send({"type": "http.response.body", "body": b"plain HTTP\n"})
    record = Record("server", SOFTWARE, scope["path"], client_port=scope["client"][1], server_port=CONF["port"])
    await receive()
    record.head.update(status=200, opened=True)
    await send({"type": "websocket.accept"})
    await echo(receive, send, record)
    record.print()


async def echo(receive, send, record):
    """Sends each message back, until the client closes."""
    while True:
        event = await receive()
        if event["type"] != "websocket.receive":
            record.log["close_received"] = {"code": event["code"]}
            return
        text = event.get("text")
        kind, data = ("text", text) if text is not None else ("binary", event["bytes"])
        record.log["received"].append(message(kind, data))
        record.log["sent"].append(message(kind, data))
        await send({"type": "websocket.send", ("bytes" if text is None else "text"): data})


async def main():
    config, over = Config(), asyncio.Event()
    config.bind = [f"{CONF['host']}:{CONF['port']}"]
    config.certfile = config.keyfile = CONF["cert"]
    config.alpn_protocols = ["h2", "http/1.1"]
    config.loglevel = "ERROR"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    asyncio.get_running_loop().call_later(0.5, lambda: say(event="listening"))
    await serve(app, config, shutdown_trigger=over.wait)
    for record in list(LIVE):
        record.print(live=True)


asyncio.run(main())
