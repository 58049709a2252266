"""tunneld.py KIND DEVICE LOCAL REMOTE: one end of a tunnel of IP in GENEVE, GRE, IPv4 or, for IPv6, in IPv4 (sit).

The kernel writes the IP headers around and inside, and cuts what is too long. tunneld.py bare INTERFACE: no offloads.
"""

import fcntl
import os
import select
import socket
import struct
import sys

import link

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_GRE = 4, 41, 47
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, DONT = 10, 23, 0
GENEVE_PORT = 6081

# kind: IP protocol (None: UDP), what stands before a packet (RFC 8926 §3.4, RFC 2784 §2.1)
KINDS = {
    "geneve": (None, struct.pack("!BBHI", 0, 0, 0x0800, 77 << 8)),
    "gre": (IPPROTO_GRE, struct.pack("!HH", 0, 0x0800)),
    "ipip": (IPPROTO_IPIP, b""),
    "sit": (IPPROTO_IPV6, b""),
}


def main(kind, device, local="", remote=""):
    if kind == "bare":
        return link.without_offloads(device)
    protocol, head = KINDS[kind]
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    if protocol is None:
        path = socket.socket(family, socket.SOCK_DGRAM)
    else:
        path = socket.socket(family, socket.SOCK_RAW, protocol)
    port = GENEVE_PORT if protocol is None else 0
    if family == socket.AF_INET:
        path.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, DONT)
    else:
        path.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, DONT)
    path.bind((local, port))
    while True:
        for ready in select.select([tun, path], [], [])[0]:
            if ready is tun:
                path.sendto(head + os.read(tun, 65536), (remote, port))
                continue
            packet = path.recv(65536)
            outer = 0 if protocol is None else (packet[0] & 15) * 4  # a raw socket is given the header, too
            os.write(tun, packet[outer + len(head):])


main(*sys.argv[1:])
