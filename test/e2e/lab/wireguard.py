# SPDX-License-Identifier: ISC
"""Foreign WireGuard implementations on a TUN, configured with wg(8)."""

import os
import shutil
import signal

from lab.process import LabError, Process, as_root, run, until

SOCKETS = "/var/run/wireguard"
TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
PEERS = os.path.join(TOP, "build/peers")


class Keys:
    """A key pair as wg(8) writes it."""

    def __init__(self):
        self.private = run(["wg", "genkey"]).stdout.strip()
        self.public = run(["wg", "pubkey"],
                          input=self.private).stdout.strip()


def preshared_key():
    return run(["wg", "genpsk"]).stdout.strip()


def implementation(name):
    """The command that serves a TUN, or None when it is not here."""
    newest = os.environ.get("WGPROXYD_TEST_WIREGUARD_GO",
                            os.path.join(PEERS, "wireguard"))
    places = {
        "wireguard-go": [shutil.which("wireguard-go"), "-f"],
        "wireguard-go-newest": [newest, "-f"],
        "boringtun": [os.path.join(PEERS, "bin/boringtun-cli"), "-f",
                      "--disable-drop-privileges"],
    }
    command = places[name]
    return command if command[0] and os.access(command[0], os.X_OK) else None


class Tun:
    """One WireGuard device in a namespace.

    The device's name must be unique on the machine: control sockets of
    userspace implementations share one folder.
    """

    def __init__(self, namespace, device, keys, folder, kind="wireguard-go"):
        self.namespace = namespace
        self.device = device
        self.keys = keys
        self.folder = folder
        self.kind = kind
        self.port = 51820
        self.addresses = []
        self.routes = []
        self.peers = {}  # by public key
        self.mtu = 1420
        self.process = None

    def add_peer(self, public_key, allowed_ips, endpoint=None, psk=None):
        self.peers[public_key] = (allowed_ips, endpoint, psk)
        if self.process is not None:
            self.configure_peer(public_key)

    def set_endpoint(self, public_key, endpoint):
        """Forgets the peer first: boringtun does not change one."""
        allowed_ips, _, psk = self.peers[public_key]
        run(["wg", "set", self.device, "peer", public_key, "remove"])
        self.add_peer(public_key, allowed_ips, endpoint, psk)

    def start(self):
        command = implementation(self.kind)
        if command is None:
            raise LabError(self.kind + " is not installed")
        os.makedirs(SOCKETS, exist_ok=True)
        self.process = Process(
            self.device, as_root(self.namespace.command(
                command + [self.device])),
            os.path.join(self.folder, self.device + ".log"),
            env=dict(os.environ, LOG_LEVEL="error", WG_SUDO="1"))
        until(self.listening, 10, self.device + " is up")
        self.configure()
        self.namespace.ip("link", "set", self.device, "mtu", str(self.mtu),
                          "up")
        self.namespace.address(self.device, *self.addresses)
        for route in self.routes:
            self.namespace.ip("route", "add", route, "dev", self.device)

    def listening(self):
        if not self.process.running():
            raise LabError("%s ended:\n%s" % (self.device,
                                              self.process.log()))
        done = run(["wg", "show", self.device, "listen-port"], check=False)
        return done.returncode == 0

    def configure(self):
        key = self.secret("key", self.keys.private)
        run(["wg", "set", self.device, "private-key", key, "listen-port",
             str(self.port)])
        for public_key in self.peers:
            self.configure_peer(public_key)

    def configure_peer(self, public_key):
        """Adds or changes one peer; the others' sessions stay."""
        allowed_ips, endpoint, psk = self.peers[public_key]
        argv = ["wg", "set", self.device, "peer", public_key, "allowed-ips",
                ",".join(allowed_ips)]
        argv += ["endpoint", endpoint] if endpoint else []
        argv += ["preshared-key", self.secret("psk", psk)] if psk else []
        run(argv)

    def secret(self, kind, text):
        path = os.path.join(self.folder, self.device + "." + kind)
        with open(path, "w", opener=private) as file:
            file.write(text + "\n")
        return path

    def stop(self, sig=signal.SIGTERM):
        """Ends the implementation; its TUN goes with it."""
        if self.process is not None:
            self.process.stop(sig)
            self.process = None
        try:
            os.unlink("%s/%s.sock" % (SOCKETS, self.device))
        except FileNotFoundError:
            pass

    close = stop


def private(path, flags):
    return os.open(path, flags, 0o600)
