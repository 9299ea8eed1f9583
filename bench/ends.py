# SPDX-License-Identifier: ISC
"""Near ends that are compared: each makes the same services reachable.

An end has a name, a pid, and place(service): the host and port where a client
in the near namespace finds it.
"""

import os
import resource
import shutil

from lab.lab import APP4, OUTER
from lab.process import Process, as_root, until
from lab.wireguard import PEERS, TOP, Tun

SERVICES = {"iperf": 5201, "echo": 7101, "pg": 5432}
LOCAL = {"iperf": 18201, "echo": 18101, "pg": 18432}
BUILD = os.path.dirname(os.environ.get(
    "WGPROXYD", os.path.join(TOP, "build/wgproxyd")))
NET4 = "10.18.0.0/16"
DESCRIPTORS = min(30000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


class Peer:
    """A far end: its key, where it listens, and how clients become known."""

    def __init__(self, lab):
        self.lab = lab
        self.host = APP4
        self.public = lab.peer.keys.public
        self.endpoint = "%s:%d" % (OUTER["far4"], lab.peer.port)
        self.pid = lab.peer.process.pid

    def identity(self):
        """A private key and the address that goes with it."""
        identity = self.lab.identity()
        return identity.keys.private, identity.four

    def tunnel(self):
        return self.lab.tunnel()


class OurPeer:
    """A gateway of ours instead; number: the next client."""

    def __init__(self, lab, gateway, host):
        self.lab = lab
        self.gateway = gateway
        self.host = host
        self.public = gateway.keys.public
        self.endpoint = "%s:%d" % (OUTER["far4"], gateway.listen_port)
        self.pid = gateway.process.pid
        self.number = 0

    def identity(self):
        self.number += 1
        return (self.gateway.clients[self.number - 1].private,
                self.gateway.client4(self.number - 1))

    def tunnel(self):
        self.number += 1
        return self.gateway.client_tunnel(self.number - 1)


class End:
    def __init__(self, peer):
        self.peer = peer
        self.lab = peer.lab
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def place(self, service):
        return "127.0.0.1", LOCAL[service]

    def start_process(self, argv):
        self.process = Process(self.name, self.lab.near.command(
            as_root(argv)), os.path.join(self.lab.folder, self.name + ".log"))
        until(self.answers, 20, self.name + " answers")

    def answers(self):
        try:
            with self.lab.near.connect(*self.place("echo"), 3) as sock:
                sock.sendall(b"x")
                return sock.recv(1) == b"x"
        except OSError:
            return False

    def stop(self):
        self.process.stop()


class Ours(End):
    name = "wgproxyd"

    def start(self):
        forwards = {name: {"to": "%s:%d" % (self.peer.host, port)}
                    for name, port in SERVICES.items()}
        self.daemon = self.lab.daemon(forwards, self.peer.tunnel(),
                                      nofile=DESCRIPTORS)
        self.daemon.start()
        self.process = self.daemon.process
        until(self.answers, 20, "wgproxyd answers")

    def place(self, service):
        return "127.0.0.1", self.daemon.ports[service]

    def stop(self):
        self.daemon.stop()


class Engine(End):
    """wireguard-go's own netstack: what wireproxy and flyctl are made of."""
    name = "engine"
    program = os.path.join(BUILD, "bench/engine")

    def start(self):
        private, address = self.peer.identity()
        self.start_process([
            self.program, private, self.peer.public, self.peer.endpoint,
            address] + ["127.0.0.1:%d=%s:%d" % (
                LOCAL[name], self.peer.host, port)
                for name, port in SERVICES.items()])


class Onetun(End):
    name = "onetun"
    program = os.path.join(PEERS, "bin/onetun")

    def start(self):
        private, address = self.peer.identity()
        self.start_process([
            self.program, "--private-key", private, "--endpoint-public-key",
            self.peer.public, "--endpoint-addr", self.peer.endpoint,
            "--source-peer-ip", address, "--log", "error"] + [
                "127.0.0.1:%d:%s:%d" % (LOCAL[name], self.peer.host, port)
                for name, port in SERVICES.items()])


class Wireproxy(End):
    name = "wireproxy"
    program = shutil.which("wireproxy") or "wireproxy"

    def start(self):
        private, address = self.peer.identity()
        text = ("[Interface]\nPrivateKey = %s\nAddress = %s/32\nMTU = 1420\n"
                "[Peer]\nPublicKey = %s\nEndpoint = %s\n"
                "AllowedIPs = 0.0.0.0/0\n" % (
                    private, address, self.peer.public, self.peer.endpoint))
        for name, port in SERVICES.items():
            text += ("[TCPClientTunnel]\nBindAddress = 127.0.0.1:%d\n"
                     "Target = %s:%d\n" % (LOCAL[name], self.peer.host, port))
        path = os.path.join(self.lab.folder, "wireproxy.conf")
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        self.start_process([self.program, "-c", path])


class TunEnd(End):
    """wireguard-go on a TUN with Linux's TCP, as root. What the kernel
    spends on TCP is not in its CPU figure."""
    name = "tun"

    def __init__(self, peer, kind):
        super().__init__(peer)
        self.kind = kind

    def start(self):
        private, address = self.peer.identity()
        keys = type("Keys", (), {"private": private})
        self.tun = Tun(self.lab.near, "wb" + self.lab.id, keys,
                       self.lab.folder, self.kind)
        self.tun.addresses = [address + "/16"]
        self.tun.add_peer(self.peer.public, [NET4], self.peer.endpoint)
        self.tun.start()
        self.process = self.tun.process
        until(self.answers, 20, "the TUN answers")

    def place(self, service):
        return self.peer.host, SERVICES[service]

    def stop(self):
        self.tun.close()


def available(peer, kind):
    """The ends that can be had here."""
    ends = [Ours(peer)]
    for other in (Engine, Onetun, Wireproxy):
        if os.access(other.program, os.X_OK):
            ends.append(other(peer))
    return ends + [TunEnd(peer, kind)]
