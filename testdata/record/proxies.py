"""Proxies between the ends, clients that are led through them, and what the proxies' own logs tell."""

import pathlib
import re
import subprocess
import tempfile
import time

from certificate import PEM

HAPROXY = """
global
    log stdout format raw local0
defaults
    log global
    mode tcp
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    log-format "leg from=%ci:%cp to=%fi:%fp out=%bi:%bp into=%si:%sp"
listen version-1
    bind 127.0.0.1:8091
    server next 127.0.0.1:8095 send-proxy
listen version-2
    bind 127.0.0.1:8092
    server next 127.0.0.1:8095 send-proxy-v2 proxy-v2-options crc32c
listen version-2-through-socks
    bind 127.0.0.1:8093
    server next 127.0.0.1:8095 send-proxy-v2 socks4 127.0.0.1:1082
listen accepting
    no log
    bind 127.0.0.1:8095 accept-proxy
    server ws 127.0.0.1:8080
"""

HAPROXY_H2 = f"""
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen front
    bind 127.0.0.1:8443 ssl crt {PEM} alpn h2,http/1.1
    server ws 127.0.0.1:8080
"""

HAPROXY_NAMES = f"""
defaults
    mode tcp
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen by-name
    bind 127.0.0.1:8571
    tcp-request inspect-delay 5s
    tcp-request content reject unless {{ req.ssl_sni -i localhost }}
    server ws 127.0.0.1:8570
listen strict
    bind 127.0.0.1:8572 ssl crt {PEM} strict-sni
    server ws 127.0.0.1:8080
"""

DANTE = """
logoutput: stdout
internal: 127.0.0.1 port = 1082
external: lo
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 log: connect }
"""

TINYPROXY = """
Port 3128
Listen 127.0.0.1
Timeout 20
MaxClients 20
Allow 127.0.0.1
LogLevel Critical
ConnectPort 8080
ConnectPort 1080
"""

# name: command, where CONF is a file with the text beside it.
PROGRAMS = {
    "haproxy": (["haproxy", "-db", "-f", "CONF"], HAPROXY),
    "haproxy-h2": (["haproxy", "-db", "-f", "CONF"], HAPROXY_H2),
    "haproxy-names": (["haproxy", "-db", "-f", "CONF"], HAPROXY_NAMES),
    "microsocks": (["microsocks", "-i", "127.0.0.1", "-p", "1080"], ""),
    "microsocks-password": (["microsocks", "-i", "127.0.0.1", "-p", "1081", "-u", "joe", "-P", "secret"], ""),
    "dante": (["danted", "-f", "CONF"], DANTE),
    "mitmproxy": (["mitmdump", "-q", "--mode", "reverse:https://127.0.0.1:8560", "--listen-host", "127.0.0.1", "--listen-port", "8561",
                   "--set", "confdir=/tmp/wssniff-mitmproxy", "--set", "connection_strategy=lazy", "--set", "upstream_cert=false"], ""),
    "deaf": (["socat", "-u", "TCP-LISTEN:8565,bind=127.0.0.1,reuseaddr,fork", "/dev/null"], ""),
    "tinyproxy": (["tinyproxy", "-d", "-c", "CONF"], TINYPROXY),
}

# The software of a proxy, for a truth file.
VERSIONS = {"haproxy": "HAProxy 2.6.12", "haproxy-h2": "HAProxy 2.6.12", "haproxy-tunnel": "HAProxy 2.6.12",
            "haproxy-names": "HAProxy 2.6.12",
            "nginx-failures": "nginx 1.22.1", "microsocks": "microsocks 1.0.3", "microsocks-password": "microsocks 1.0.3",
            "dante": "Dante 1.4.2", "mitmproxy": "mitmproxy 8.1.1", "deaf": "socat 1.7.4.4", "tinyproxy": "tinyproxy 1.11.1"}


class Proxies:
    """The proxies of a scenario."""

    def __init__(self, names):
        self.folder = tempfile.TemporaryDirectory()
        self.running = []
        for name in names:
            command, conf = PROGRAMS[name]
            file = pathlib.Path(self.folder.name) / name
            file.write_text(conf)
            self.running.append(subprocess.Popen([str(file) if word == "CONF" else word for word in command],
                                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        if names:
            time.sleep(0.7)

    def stop(self):
        """Ends them, and gives the connections with a PROXY header that HAProxy says it made."""
        said = ""
        for process in self.running:
            process.terminate()
            said += process.communicate()[0]
        legs = [leg(*found) for found in re.findall(r"leg from=(\S+) to=(\S+) out=\S+:(\d+) into=\S+:(\d+)", said)]
        for row in [row for row in legs if row["server_port"] == 1082]:  # and where Dante led it
            port = re.search(rf"127\.0\.0\.1\.{row['client_port']} 127\.0\.0\.1\.1082 -> 127\.0\.0\.1\.(\d+) ", said)[1]
            legs.append({**row, "client_port": int(port), "server_port": 8095, "via": row["via"][1:]})
        return legs


def leg(source, destination, client_port, server_port):
    kind = {"8091": "proxy-protocol-v1", "8092": "proxy-protocol-v2", "8093": "proxy-protocol-v2"}[destination.split(":")[1]]
    via = [{"kind": kind, "source": end(source), "destination": end(destination)}]
    if destination.endswith(":8093"):
        server_port = "1082"
        via.insert(0, {"kind": "socks4", "target": "127.0.0.1:8095", "reply": "succeeded"})
    return {"event": "leg", "client_port": int(client_port), "server_port": int(server_port), "from": int(source.split(":")[1]),
            "via": via}


def end(text):
    ip, port = text.split(":")
    return {"ip": ip, "port": int(port)}


class Led:
    """Leads a client through a chain of proxies: rows of kind, port and perhaps user and password."""

    def __init__(self, chain):
        self.chain = [(*row, "", "")[:4] for row in chain]
        rows = [f"{kind} 127.0.0.1 {port} {user} {password}" for kind, port, user, password in self.chain]
        self.conf = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.conf.write("\n".join(["strict_chain", "[ProxyList]", *rows]) + "\n")
        self.conf.flush()
        self.prefix = ["proxychains4", "-q", "-f", self.conf.name]

    def tell(self, event):
        """Adds to what a client said: it did not see that it was led."""
        if event.get("event") != "connection":
            return event
        targets = [f"127.0.0.1:{row[1]}" for row in self.chain[1:]] + [f"127.0.0.1:{event['server_port']}"]
        event["via"] = [hop(*row[:3], target) for row, target in zip(self.chain, targets)]
        event["server_port"] = self.chain[0][1]
        return event


def hop(kind, port, user, target):
    if kind == "http":
        return {"kind": "http-connect", "target": target, "status": 200}
    return {"kind": kind, "target": target, **({"user": user} if user else {}), "reply": "succeeded"}


class Curl:
    """curl as a client that a proxy refuses; it is used like record.Peer."""

    def __init__(self, conf):
        self.conf = conf
        url = f"http://127.0.0.1:{conf['port']}{conf['target']}"
        command = ["curl", "-sS", "-m", "10", "--local-port", str(conf["local_port"]), *conf["options"],
                   "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
                   "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", url]
        self.process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def expect(self, *_):
        return {"event": "end"}

    def stop(self):
        conf, error = self.conf, self.process.stderr.strip()
        if "No authentication method" in error:
            conf["via"][-1]["code"] = 255
        elif code := re.search(r"SOCKS.*\((?:1 )?(\d+)\)", error):
            conf["via"][-1]["code"] = int(code[1])
        return [{"event": "connection", "side": "client", "software": "curl 7.88.1", "target": conf["target"],
                 "client_port": conf["local_port"], "server_port": conf["proxy_port"], "status": 0, "opened": False,
                 "via": conf["via"], "log": {}, "error": error}]
