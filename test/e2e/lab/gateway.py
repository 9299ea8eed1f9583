# SPDX-License-Identifier: ISC
"""Our daemon as the far end: beside the services, without a TUN."""

import itertools
import os

from lab.daemon import Daemon
from lab.lab import APP4, OUTER, endpoint
from lab.services import PORTS
from lab.wireguard import Keys, Tun

NET6 = "fd77:1:2::"
NET4 = "10.77.0."
GATEWAY6 = NET6 + "1"
GATEWAY4 = NET4 + "1"
LISTEN_PORTS = itertools.count(52000)
serial = itertools.count(1)


def service_exposes(*names):
    """Exposes of the lab's services under their own ports."""
    return [{"listen": PORTS[name][0], "name": name,
             "to": endpoint(APP4, PORTS[name][0])}
            for name in names or PORTS]


class Gateway(Daemon):
    """Runs in the lab's far namespace. Clients are made known first."""

    def __init__(self, lab, exposes, clients=4, tunnel=None, **settings):
        self.lab = lab
        self.keys = Keys()
        self.listen_port = next(LISTEN_PORTS)
        self.clients = [Keys() for _ in range(clients)]
        own = {
            "private_key": self.keys.private,
            "address": [GATEWAY4 + "/24", GATEWAY6 + "/64"],
            "listen_port": self.listen_port,
            "peers": [{"public_key": keys.public,
                       "allowed_ips": [self.client4(i) + "/32",
                                       self.client6(i) + "/128"]}
                      for i, keys in enumerate(self.clients)]}
        own.update(tunnel or {})
        more = dict(settings.pop("more", {}), exposes=exposes)
        folder = os.path.join(lab.folder, "gateway%d" % next(serial))
        super().__init__(lab.far, folder, own, {}, more=more, **settings)

    def set_exposes(self, exposes):
        """Writes the configuration; a running gateway reads it on reload."""
        self.settings["more"]["exposes"] = exposes
        self.tunnel["private_key"] = self.keys.private
        self.configure({})

    def wait_listening(self, seconds):
        for expose in self.settings["more"]["exposes"]:
            self.wait_event("exposed", seconds, expose=expose["name"])

    @staticmethod
    def client4(number):
        return NET4 + str(number + 2)

    @staticmethod
    def client6(number):
        return NET6 + "%x" % (number + 2)

    def client_tunnel(self, number, **changes):
        """The tunnel of a daemon of ours that is client number."""
        tunnel = {
            "private_key": self.clients[number].private,
            "address": [self.client4(number) + "/24",
                        self.client6(number) + "/64"],
            "peers": [{"public_key": self.keys.public,
                       "endpoint": endpoint(OUTER["far4"], self.listen_port),
                       "allowed_ips": [NET4 + "0/24", NET6 + "/64"]}]}
        tunnel.update(changes)
        return tunnel

    def guest(self, number, kind="wireguard-go"):
        """Another implementation with a TUN as client number, in the near
        namespace; to be started, and closed."""
        device = "gw%d-%d" % (os.getpid() % 10000, next(serial))
        tun = Tun(self.lab.near, device, self.clients[number],
                  self.lab.folder, kind)
        tun.port = next(LISTEN_PORTS)
        tun.addresses = [self.client4(number) + "/24",
                         self.client6(number) + "/64"]
        tun.add_peer(self.keys.public, [NET4 + "0/24", NET6 + "/64"],
                     endpoint(OUTER["far4"], self.listen_port))
        return tun


def forwards(*names, host=GATEWAY6):
    """Forwards of a client to exposes of services."""
    return {name: endpoint(host, PORTS[name][0]) for name in names or PORTS}
