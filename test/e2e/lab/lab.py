# SPDX-License-Identifier: ISC
"""The lab: two namespaces, a peer, and the services behind it."""

import contextlib
import itertools
import os
import shutil
import tempfile

from lab import netns
from lab.daemon import Daemon, write_private
from lab.impair import Impair
from lab.names import Names
from lab.postgres import Postgres
from lab.services import PORTS, Services, port
from lab.wireguard import Keys, Tun

OUTER = {"near4": "192.0.2.1", "near6": "2001:db8::1",
         "far4": "192.0.2.2", "far6": "2001:db8::2"}
DNS4 = "10.18.0.3"
DNS6 = "fdaa:0:18::3"
APP4 = "10.18.0.80"
APP6 = "fdaa:0:18::80"
DEAD4 = "10.18.0.66"  # nothing answers there
DEAD6 = ("fdaa:0:18::66", "fdaa:0:18::67")

RECORDS = [
    ("ns", "AAAA", DNS6),
    ("appname", "AAAA", APP6),
    ("four", "A", APP4),
    ("both", "A", APP4),
    ("both", "AAAA", APP6),
    ("three", "AAAA", DEAD6[0]),
    ("three", "AAAA", DEAD6[1]),
    ("three", "AAAA", APP6),
    ("dead", "AAAA", DEAD6[0]),
    ("alias", "CNAME", "appname"),
    ("text", "TXT", '"no address"'),
    ("elsewhere", "AAAA", "2001:db8:ffff::1"),
] + [("many", "AAAA", "fdaa:0:18:1::%x" % i) for i in range(99)] + [
    ("many", "A", APP4),
]

serial = itertools.count()


class Identity:
    """A near end as the peer knows it. No two live ones may share one: the
    peer would send each one's packets to whom it heard last."""

    def __init__(self, number, keys=None):
        self.keys = keys or Keys()
        self.four = "10.18.1.%d" % number
        self.six = "fdaa:0:18:a7b:d6b:0:%x:2" % number


def endpoint(host, number):
    return "%s:%d" % ("[%s]" % host if ":" in host else host, number)


class Lab:
    """Everything is started by the constructor and removed by close()."""

    def __init__(self, peer="wireguard-go", psk=None, services=True,
                 postgres=False):
        netns.sweep()
        self.id = "%d-%d" % (os.getpid(), next(serial))
        self.exits = contextlib.ExitStack()
        self.folder = tempfile.mkdtemp(
            prefix="%s%d-" % (netns.FOLDERS, os.getpid()))
        self.exits.callback(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        self.psk = psk
        self.postgres = None
        self.daemons = itertools.count()
        self.identities = itertools.count(1)
        try:
            self.make_network()
            self.make_peer(peer)
            if services:
                self.make_services()
            if postgres:
                self.make_postgres()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.exits.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def make_namespace(self, word):
        name = "%s%s%s" % (netns.PREFIX, self.id, word)
        namespace = netns.Namespace(name)
        self.exits.callback(namespace.close)
        return namespace

    def make_network(self):
        self.near = self.make_namespace("near")
        self.far = self.make_namespace("far")
        netns.join(self.near, self.far, "up0",
                   [OUTER["near4"] + "/24", OUTER["near6"] + "/64"],
                   [OUTER["far4"] + "/24", OUTER["far6"] + "/64"])

    def make_peer(self, kind):
        self.peer = Tun(self.far, "wg" + self.id, Keys(), self.folder, kind)
        self.exits.callback(self.peer.close)
        self.peer.addresses = [DNS4 + "/16", APP4 + "/16", DNS6 + "/48",
                               APP6 + "/48"]
        self.peer.start()

    def identity(self, keys=None):
        """A new near end, already known to the peer."""
        identity = Identity(next(self.identities), keys)
        self.peer.add_peer(identity.keys.public, [
            identity.four + "/32", identity.six + "/128"], psk=self.psk)
        return identity

    def make_services(self):
        self.names = Names(self.far, [DNS4, DNS6], self.folder)
        self.exits.callback(self.names.close)
        self.names.start(RECORDS)
        self.services = Services(self.far, [APP4, APP6], self.folder)
        self.exits.callback(self.services.close)
        self.services.start()

    def make_postgres(self):
        self.postgres = Postgres(self.far, [APP4, APP6], self.folder)
        self.exits.callback(self.postgres.close)
        self.postgres.start()

    def endpoint(self, family=4):
        return endpoint(OUTER["far%d" % family], self.peer.port)

    def tunnel(self, **changes):
        """A near end's tunnel as the configuration spells it."""
        identity = self.identity()
        peer = {"public_key": self.peer.keys.public,
                "endpoint": self.endpoint(),
                "allowed_ips": ["10.18.0.0/16", "fdaa:0:18::/48"]}
        for key in list(changes):
            if key in ("endpoint", "public_key", "persistent_keepalive",
                       "allowed_ips"):
                peer[key] = changes.pop(key)
        if self.psk is not None:
            path = os.path.join(self.folder, "psk")
            write_private(path, self.psk + "\n")
            peer["preshared_key_file"] = path
        tunnel = {"private_key": identity.keys.private,
                  "address": [identity.four + "/24", identity.six + "/120"],
                  "dns": [DNS6], "peers": [peer]}
        tunnel.update(changes)
        return tunnel

    def impair(self, family=4, **settings):
        """A bad network before the peer; endpoint in .endpoint."""
        host = OUTER["far%d" % family]
        relay = Impair(self.far, self.folder, (host, 51821),
                       (host, self.peer.port), **settings)
        relay.endpoint = endpoint(*relay.listen)
        return relay

    def daemon(self, forwards, tunnel=None, **settings):
        """A daemon in the near namespace, not yet started."""
        folder = os.path.join(self.folder, "near%d" % next(self.daemons))
        return Daemon(self.near, folder, tunnel or self.tunnel(),
                      targets(forwards), **settings)


def targets(forwards):
    """{"name": "host:port"} from {"name": ("host", "service")} too."""
    made = {}
    for name, target in forwards.items():
        if isinstance(target, tuple):
            target = endpoint(target[0], port(target[1]))
        made[name] = target
    return made


def all_services(*hosts):
    """Forwards to every service at each host, named echo4, echo6 and so on."""
    return {"%s%s" % (name, "6" if ":" in host else "4"): (host, name)
            for name in PORTS for host in hosts}
