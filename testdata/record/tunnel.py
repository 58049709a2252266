"""Tunnels between two network namespaces, near0 - far0, captured on the path and not inside.

VXLAN is the kernel's. Kernels without the others get them from tunneld.py.
"""

import pathlib
import subprocess
import time

from link import FAR, NEAR, ip

HERE = pathlib.Path(__file__).parent
INNER = {NEAR: "10.7.0.1/24", FAR: "10.7.0.2/24"}
INNER6 = {NEAR: "fd07::1/64", FAR: "fd07::2/64"}
OUTER = {NEAR: "192.0.2.1", FAR: "192.0.2.2"}
OUTER6 = {NEAR: "fd00::1", FAR: "fd00::2"}

# kind: what the tunnel is, whether its path is IPv6 and so is what is inside, the path's MTU
KINDS = {
    "vxlan": ("vxlan", False, False, 1500),
    "vxlan-fragments": ("vxlan", False, False, 700),
    "vxlan6": ("vxlan", True, False, 1500),
    "vxlan-twice": ("vxlan", False, False, 1500),
    "geneve": ("geneve", False, False, 1500),
    "geneve6-fragments": ("geneve", True, False, 1280),
    "gre": ("gre", False, False, 1500),
    "gre-fragments": ("gre", False, False, 700),
    "ipip": ("ipip", False, False, 1500),
    "6in4": ("sit", False, True, 1500),
    "6in4-fragments": ("sit", False, True, 700),
}


class Tunnel:
    """Both ends of a tunnel, or of two with the same addresses in them; it is used like link.Link."""

    def __init__(self, kind):
        self.kind, self.outer6, self.inner6, mtu = KINDS[kind]
        self.daemons, self.spaces = [], [NEAR, FAR]
        for space in self.spaces:
            ip("netns", "add", space)
        ip("link", "add", "near0", "netns", NEAR, "type", "veth", "peer", "name", "far0", "netns", FAR)
        for space, name in ((NEAR, "near0"), (FAR, "far0")):
            subprocess.run(["ip", "netns", "exec", space, "/usr/bin/python3", str(HERE / "tunneld.py"), "bare", name], check=True)
            ip("-n", space, "link", "set", "lo", "up")
            ip("-n", space, "link", "set", name, "up", "mtu", str(mtu))
            ip("-n", space, "addr", "add", OUTER[space] + "/24", "dev", name)
            if self.outer6:
                ip("-n", space, "addr", "add", OUTER6[space] + "/64", "dev", name, "nodad")
        self._tunnel(1)
        if kind == "vxlan-twice":
            self._tunnel(2)
        time.sleep(0.5)

    def _tunnel(self, n):
        for space, other in ((NEAR, FAR), (FAR, NEAR)):
            inside = space + ("-2" if n == 2 else "")
            if n == 2:
                ip("netns", "add", inside)
                self.spaces.append(inside)
            device = f"t{n}"
            if self.kind == "vxlan":
                remote = OUTER6[other] if self.outer6 else OUTER[other]
                local = OUTER6[space] if self.outer6 else OUTER[space]
                ip("-n", space, "link", "add", device, "type", "vxlan", "id", str(40 + n), "dstport", "4789", "remote", remote,
                   "local", local)
                if n == 2:
                    ip("-n", space, "link", "set", device, "netns", inside)
            else:
                outer = OUTER6 if self.outer6 else OUTER
                command = ["/usr/bin/python3", str(HERE / "tunneld.py"), self.kind, device, outer[space], outer[other]]
                self.daemons.append(subprocess.Popen(["ip", "netns", "exec", space, *command]))
                time.sleep(0.3)
            ip("-n", inside, "link", "set", device, "mtu", "1400", "up")
            ip("-n", inside, "addr", "add", (INNER6 if self.inner6 else INNER)[space], "dev", device,
               *(["nodad"] if self.inner6 else []))

    def prefixes(self, n=1):
        end = "-2" if n == 2 else ""
        return ["ip", "netns", "exec", NEAR + end], ["ip", "netns", "exec", FAR + end]

    def close(self):
        for daemon in self.daemons:
            daemon.terminate()
            daemon.wait()
        for space in reversed(self.spaces):
            ip("netns", "del", space)
        time.sleep(0.2)
