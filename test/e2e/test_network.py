# SPDX-License-Identifier: ISC
"""What proxyctl network wrote, in the hands of somebody else's wg-quick."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest

from lab import daemon as lab_daemon
from lab.daemon import USER, parse_events
from lab.lab import APP4, OUTER
from lab.process import Process, as_root, as_user, run, until
from lab.services import BANNER, PORTS

PORT = 53820
RESOLVCONF = "#!/bin/sh\n[ $1 != -a ] || cat >'%s'\n"


class Network:
    """Made in a folder of the user's, the gateway in the far namespace."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.folder = folder
        self.gateway = None

    def command(self, name, *args):
        program = os.path.join(os.path.dirname(lab_daemon.binary()), name)
        return self.lab.far.command(as_user(USER, [program, *args]))

    def run(self, *args):
        done = subprocess.run(
            self.command("proxyctl", "--socket", self.folder + "/sock",
                         "network", *args, "--json"), cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=30)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self):
        self.gateway = Process(
            "gateway", self.command(
                "wgproxyd", "--config", "net/gateway.yaml", "--socket",
                "sock", "--state-dir", "state"), self.folder + "/log",
            cwd=self.folder)
        until(lambda: [e for e in parse_events(self.gateway.log())
                       if e["event"] == "exposed"], 10, "it exposes")


class Quick:
    """A client's file brought up by wg-quick in the near namespace."""

    def __init__(self, lab, path):
        self.lab = lab
        self.folder = os.path.dirname(path)
        self.path = path
        self.resolv = os.path.join(self.folder, "resolv")
        script = os.path.join(self.folder, "resolvconf")
        with open(script, "w") as file:
            file.write(RESOLVCONF % self.resolv)
        os.chmod(script, 0o755)

    def __enter__(self):
        self.wg_quick("up")
        return self

    def __exit__(self, *error):
        self.wg_quick("down")

    def wg_quick(self, word):
        path = self.folder + ":" + os.environ["PATH"]
        run(as_root(self.lab.near.command(["wg-quick", word, self.path])),
            env=dict(os.environ, PATH=path))


@pytest.fixture
def network(lab):
    folder = tempfile.mkdtemp(dir=lab.folder)
    shutil.chown(folder, USER)
    network = Network(lab, folder)
    yield network
    if network.gateway is not None:
        assert network.gateway.stop() == 0


def test_wg_quick(lab, network, tmp_path):
    """Up with the file as it was written; a client that is added while the
    gateway runs gets through as well."""
    number = PORTS["server_closes_first"][0]
    result = network.run("init", "--gateway", "%s:%d" % (OUTER["far4"], PORT),
                         "--ipv4", "10.79.0.0/24", "--expose",
                         "service=%d:%s:%d" % (number, APP4, number), "net")
    network.start()
    added = network.run("add-client", "net", "later")
    assert added["reloaded"] is True
    hosts = [result["clients"][0]["addresses"][0][:-1] + "1", "10.79.0.1"]
    for turn, name in enumerate(["client1", "later"]):
        path = tmp_path / ("wq%dn%d.conf" % (os.getpid() % 100000, turn))
        path.write_bytes(open("%s/net/%s.conf" % (network.folder, name),
                              "rb").read())
        os.chmod(path, 0o600)
        with Quick(lab, str(path)) as quick:
            for host in hosts:
                with lab.near.connect(host, number, 15) as sock:
                    assert sock.recv(len(BANNER)) == BANNER
            told = open(quick.resolv).read().split("\n")
            assert told == ["nameserver " + host for host in hosts] + [
                "search internal", ""]
