# SPDX-License-Identifier: ISC
"""The daemon's own addresses inside the tunnel are those of a host: they
answer pings of any size, and say which ports are closed."""

import os
import socket
import struct
import time

import pytest

from lab import clients
from lab.lab import APP6, all_services

SECONDS = 5


class Pinger:
    """Echo requests through a raw socket; the system cuts them to the MTU of
    the peer's TUN and puts the replies together."""

    def __init__(self, namespace, host):
        self.v6 = ":" in host
        self.host = host
        with namespace.entered():
            self.socket = socket.socket(
                socket.AF_INET6 if self.v6 else socket.AF_INET,
                socket.SOCK_RAW,
                socket.IPPROTO_ICMPV6 if self.v6 else socket.IPPROTO_ICMP)
        self.socket.settimeout(SECONDS)
        self.number = 0

    def close(self):
        self.socket.close()

    def checksum(self, message):
        if self.v6:
            return 0  # the system writes it
        if len(message) % 2:
            message += b"\0"
        total = sum(struct.unpack(">%dH" % (len(message) // 2), message))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return total ^ 0xffff

    def ping(self, size):
        """Sends size bytes of data; they must come back."""
        self.number += 1
        head = [128 if self.v6 else 8, 0, 0, os.getpid() & 0xffff,
                self.number]
        data = os.urandom(size)
        head[2] = self.checksum(struct.pack(">BBHHH", *head) + data)
        self.socket.sendto(struct.pack(">BBHHH", *head) + data,
                           (self.host, 0))
        want = struct.pack(">HH", head[3], self.number) + data
        kind = 129 if self.v6 else 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            reply = self.socket.recv(65536)
            if not self.v6:
                reply = reply[20:]
            if reply[0] == kind and reply[4:] == want:
                return
        raise AssertionError("no reply to %d bytes" % size)


@pytest.mark.parametrize("family", [0, 1])
def test_ping(lab, family):
    tunnel = lab.tunnel()
    host = tunnel["address"][family].split("/")[0]
    with lab.daemon(all_services(APP6), tunnel) as daemon:
        clients.echoes(daemon, "echo6")  # now the peer knows the way
        pinger = Pinger(lab.far, host)
        try:
            for size in (0, 1, 56, 1372, 1392, 1393, 1500, 3000, 20000, 56,
                         65000):
                pinger.ping(size)
        finally:
            pinger.close()


@pytest.mark.parametrize("family", [0, 1])
def test_closed_port(lab, family):
    tunnel = lab.tunnel()
    host = tunnel["address"][family].split("/")[0]
    with lab.daemon(all_services(APP6), tunnel) as daemon:
        clients.echoes(daemon, "echo6")
        kind = socket.AF_INET6 if family else socket.AF_INET
        with lab.far.socket(kind, socket.SOCK_DGRAM) as udp:
            udp.settimeout(SECONDS)
            udp.connect((host, 9))
            udp.send(b"anybody?")
            with pytest.raises(ConnectionRefusedError):
                udp.recv(100)
