"""Records the scenarios: starts the servers and the capture, runs the clients, and writes what both ends said.

A peer prints one JSON object a line: listening, gate (go on when told to), hold (stays open), connection.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import browser
import link
import proxies
import tunnel
from capturing import KEYS, Capture
from certificate import PEM, certify
from failures import FAILURES, PROGRAMS
from scenarios import SCENARIOS
from truth import join

HERE = pathlib.Path(__file__).parent
CAPTURES = HERE.parent / "captures"
KEYLOG = ["--no-warnings", f"--tls-keylog={KEYS}"]
TRUST = {"SSLKEYLOGFILE": KEYS, "NODE_EXTRA_CA_CERTS": PEM}
COMMANDS = {
    "ws": ["node", *KEYLOG, "peers/node.mjs"],
    "apps": ["node", *KEYLOG, "peers/apps.mjs"],
    "again": ["node", *KEYLOG, "peers/again.mjs"],
    "undici": ["node", *KEYLOG, "--experimental-websocket", "peers/node.mjs"],
    "undici7": ["node", *KEYLOG, "peers/node.mjs"],
    "coder": ["bin/gopeer"],
    "gorilla": ["bin/gopeer"],
    "go-h2": ["env", "GODEBUG=http2xconnect=1", "bin/gopeer"],
    "websockets": ["/usr/bin/python3", "peers/websockets_peer.py"],
    "aiohttp": ["/usr/bin/python3", "peers/aiohttp_peer.py"],
    "tornado": ["/usr/bin/python3", "peers/tornado_peer.py"],
    "raw": ["/usr/bin/python3", "peers/raw.py"],
    "h2": ["node", *KEYLOG, "peers/h2.mjs"],
    "h2c-upgrade": ["/usr/bin/python3", "peers/wsproto_peer.py"],
    "early": ["/usr/bin/python3", "peers/wsproto_peer.py"],
    "hypercorn": ["/usr/bin/python3", "peers/hypercorn_peer.py"],
}


class Peer:
    """A process that speaks WebSocket and prints what it sent and received."""

    def __init__(self, conf, role, prefix=()):
        conf = {"role": role, "host": "127.0.0.1", "port": 8080, "target": "/", **conf}
        if conf.get("tls"):
            conf["cert"] = PEM
        self.led = proxies.Led(conf["chain"]) if "chain" in conf else None
        if self.led:
            prefix = [*prefix, *self.led.prefix]
        command = [*prefix, *COMMANDS[conf["stack"]], json.dumps(conf)]
        self.process = subprocess.Popen(
            command, cwd=HERE, text=True, env={**os.environ, **TRUST}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.events = []
        self.news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()
        with self.news:
            self.events.append({"event": "end"})
            self.news.notify_all()

    def expect(self, *names, seconds=120):
        """Waits for one of the named events, or for the end of the process."""
        def found():
            return next((e for e in self.events if e["event"] in (*names, "end")), None)
        with self.news:
            if not self.news.wait_for(found, seconds):
                raise SystemExit(f"record: {self.process.args} said none of {names}: {self.events}")
            return found()

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.terminate()
        self.expect("end")
        self.process.wait()
        return [self.led.tell(e) for e in self.events] if self.led else self.events


def start_servers(scenario, network):
    servers = [Peer(conf, "server", prefixes(network, conf)[1]) for conf in scenario.servers]
    for server in servers:
        if server.expect("listening")["event"] == "end":
            raise SystemExit("record: a server did not start")
    return servers


def start_nginx(scenario):
    if not scenario.nginx:
        return None
    process = subprocess.Popen(["nginx", "-p", "/tmp", "-c", str(HERE / "nginx.conf")])
    time.sleep(0.5)
    return process


def run_clients(scenario, capture, network):
    """Runs the clients, one after the other unless the scenario says otherwise; capture is started when none runs yet."""
    clients, before = [], None
    for conf in scenario.clients:
        if conf["stack"] == "chromium":
            clients.append(browser.Browser(conf))
        elif conf["stack"] == "curl":
            clients.append(proxies.Curl(conf))
        else:
            clients.append(Peer(conf, "client", prefixes(network, conf)[0]))
        if scenario.together:
            continue
        event = clients[-1].expect("gate", "hold")
        if event["event"] == "gate":
            before = event
            capture = capture or start_capture(scenario, network)
            clients[-1].go_on()
            clients[-1].expect("hold")
    for client in clients if scenario.together else []:
        client.expect("hold")
    return clients, capture, before


def prefixes(network, conf):
    """What goes before the commands of client and server: a client or server of "space" 2 is in the second tunnel."""
    if not network:
        return (), ()
    return network.prefixes(2) if conf.get("space") == 2 else network.prefixes()


def sysctl(name, value=None):
    """What a setting of the kernel is, or was before it is set."""
    file = pathlib.Path("/proc/sys") / name.replace(".", "/")
    if value is None:
        return file.read_text().strip()
    return file.write_text(value)


def act(scenario, begun):
    """Does what the scenario says happens on the way: before the clients, and so many seconds after they began."""
    for seconds, command in scenario.during:
        if seconds < 0 and not begun:
            subprocess.run(command, check=True)
        elif seconds >= 0 and begun:
            threading.Timer(seconds, subprocess.run, [command]).start()


def start_capture(scenario, network):
    return Capture(scenario, CAPTURES, prefixes(network, {})[0] if scenario.interface == "near0" else ())


def record(scenario):
    network = None
    if scenario.link:
        network = tunnel.Tunnel(scenario.link) if scenario.link in tunnel.KINDS else link.Link(scenario.link)
    before = {setting: sysctl(setting) for setting in scenario.sysctl}
    for setting, value in scenario.sysctl.items():
        sysctl(setting, value)
    if scenario.keys or scenario.nginx:
        certify()
        pathlib.Path(KEYS).unlink(missing_ok=True)
    servers = start_servers(scenario, network)
    nginx = start_nginx(scenario)
    between = proxies.Proxies(scenario.proxies)
    capture = None if scenario.midstream else start_capture(scenario, network)
    act(scenario, False)
    act(scenario, True)
    clients, capture, gate = run_clients(scenario, capture, network)
    time.sleep(scenario.settle)
    name = capture.stop()
    events = [e for peer in clients + servers for e in peer.stop()]
    events += between.stop()
    if nginx:
        nginx.terminate()
        nginx.wait()
    if network:
        network.close()
    for setting, value in before.items():
        sysctl(setting, value)
    truth = join(scenario, name, events, gate)
    (CAPTURES / (scenario.name + ".truth.json")).write_text(truth)
    print(f"{name}: {(CAPTURES / name).stat().st_size} bytes", flush=True)


def main(names):
    CAPTURES.mkdir(exist_ok=True)
    proxies.PROGRAMS.update(PROGRAMS)
    known = {s.name: s for s in SCENARIOS + FAILURES}
    for name in names:
        if name not in known:
            raise SystemExit(f"record: no scenario {name}; there are: {' '.join(known)}")
    for scenario in known.values():
        if not names or scenario.name in names:
            record(scenario)


main(sys.argv[1:])
