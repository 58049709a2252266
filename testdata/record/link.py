"""Paths between two network namespaces, through this one: near0 - mid0, mid1 - far0.

The bad ones drop, repeat or swap segments, in both directions and by count, so that what TCP does about it is real.
"""

import array
import fcntl
import pathlib
import socket
import struct
import subprocess
import threading

NEAR, FAR = "wssniff-near", "wssniff-far"
SIOCETHTOOL = 0x8946
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)  # set checksums on sending, TSO, GSO and GRO


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def without_offloads(interface):
    """Makes the packets on the interface be those that a cable would carry."""
    with socket.socket() as s:
        for command in OFFLOADS:
            value = array.array("B", struct.pack("II", command, 0))
            fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP", interface.encode(), value.buffer_info()[0]))


class Link:
    """kind: loss, repeat, swap, storm (on the level of Ethernet), or router."""

    def __init__(self, kind):
        self.count = {}
        self.held = {}
        for space, ours, theirs in ((NEAR, "mid0", "near0"), (FAR, "mid1", "far0")):
            ip("netns", "add", space)
            ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
            without_offloads(ours)
            without_offloads(theirs)
            ip("link", "set", ours, "up")
            ip("link", "set", theirs, "netns", space)
            ip("-n", space, "link", "set", theirs, "up")
        if kind == "router":
            self._route()
        else:
            self._addresses("192.0.2.1/24", "192.0.2.2/24")
            self._bridge(getattr(self, kind))

    def storm(self, end, frame):
        """Loss, repetition and reordering at once, by a sequence of numbers that is the same each time."""
        out, luck = self.swap(end, frame), self.turn(end) * 7919 % 100
        if luck < 12:
            return out[1:]
        return out + out[-1:] if luck < 30 else out

    def _addresses(self, near, far):
        ip("-n", NEAR, "addr", "add", near, "dev", "near0")
        ip("-n", FAR, "addr", "add", far, "dev", "far0")

    def _route(self):
        pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self._addresses("192.0.2.1/25", "192.0.2.129/25")
        for ours, theirs, space, address in (("mid0", "near0", NEAR, "192.0.2.2"), ("mid1", "far0", FAR, "192.0.2.130")):
            ip("addr", "add", address + "/25", "dev", ours)
            ip("-n", space, "route", "add", "default", "via", address)

    def _bridge(self, fate):
        """Passes frames on; fate says which ones to send for the one that came."""
        ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]
        for end, name in zip(ends, ("mid0", "mid1")):
            end.bind((name, 0))

        def carry(source, target):
            while True:
                try:
                    frame, address = source.recvfrom(65536)
                except OSError:  # the interface is gone: the scenario is over
                    return
                if address[2] == socket.PACKET_OUTGOING:
                    continue
                for out in fate(source, frame) if carries_data(frame) else [frame]:
                    target.send(out)

        for pair in (ends, ends[::-1]):
            threading.Thread(target=carry, args=pair, daemon=True).start()

    def turn(self, end):
        self.count[end] = self.count.get(end, 0) + 1
        return self.count[end]

    def loss(self, end, frame):
        return [] if self.turn(end) % 9 == 4 else [frame]

    def repeat(self, end, frame):
        return [frame, frame] if self.turn(end) % 3 == 0 else [frame]

    def swap(self, end, frame):
        """Every fifth segment is sent after the next; a lone one comes again by TCP's own doing."""
        if self.turn(end) % 5 == 3:
            self.held[end] = frame
            return []
        held = self.held.pop(end, None)
        return [frame, held] if held else [frame]

    def prefixes(self):
        return ["ip", "netns", "exec", NEAR], ["ip", "netns", "exec", FAR]

    def close(self):
        ip("link", "del", "mid0")
        ip("link", "del", "mid1")
        ip("netns", "del", NEAR)
        ip("netns", "del", FAR)


def carries_data(frame):
    """Reports whether a frame holds a TCP segment with data (IPv4)."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return False
    heads = (frame[14] & 15) * 4 + (frame[14 + (frame[14] & 15) * 4 + 12] >> 4) * 4
    return int.from_bytes(frame[16:18], "big") > heads
