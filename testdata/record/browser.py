"""Chromium as a client. The page comes from, and posts its log to, a port that no capture looks at."""

import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
from urllib.parse import quote

from capturing import KEYS

PAGE = (pathlib.Path(__file__).parent / "peers" / "browser.html").read_text()
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Browser:
    """A browser with one page that performs one play; it is used like record.Peer."""

    def __init__(self, conf):
        version = subprocess.run(["chromium", "--version", "--no-sandbox"], stdout=subprocess.PIPE, text=True).stdout
        page = conf.get("page_port", 9000)
        url = f"http://127.0.0.1:{page}/"
        conf = {"host": "127.0.0.1", "port": 8080, "log": url + "log", "scheme": "ws", "software": " ".join(version.split()[:2]), **conf}
        self.log, self.quits = None, conf["play"].endswith("quit")
        self.posted = threading.Event()
        if conf.get("h2"):  # the page comes from the server itself: only on a connection that is there is HTTP/2 used
            conf["scheme"] = "wss"
            url = f"https://{conf['host']}:{conf['port']}/#" + quote(json.dumps(conf))
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", page), self._handler(conf))
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={self.profile.name}",
             f"--ssl-key-log-file={KEYS}", "--ignore-certificate-errors", url], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _handler(self, conf):
        browser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if self.path == "/":
                    self.wfile.write(PAGE.replace("CONF", json.dumps(conf)).encode())

            def do_POST(self):
                browser.log = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()
                browser.posted.set()

            def log_message(self, *_):
                pass

        return Handler

    def expect(self, *_):
        if not self.posted.wait(60):
            raise SystemExit("record: the browser posted no log")
        if self.quits:
            self.process.terminate()
            self.process.wait()
        return {"event": "end"}

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.http.shutdown()
        self.http.server_close()
        self.profile.cleanup()
        return [self.log]
