# SPDX-License-Identifier: ISC
"""A newcomer's and a user's day: what the README says works as it stands."""

import json
import os
import re
import shutil
import subprocess

import pytest

from lab import clients
from lab import daemon as lab_daemon
from lab.daemon import USER, parse_events, write_private, yaml_text
from lab.lab import APP4, OUTER, RECORDS, Lab
from lab.manager import Manager
from lab.process import Process, as_user, until
from lab.wireguard import TOP

PROGRAMS = ("wgproxyd", "proxyctl", "psql")


def readme():
    with open(os.path.join(TOP, "README.md")) as file:
        return file.read()


NETWORK = "A private network without root"


def section(title):
    return re.search(r"^## %s\n(.*?)(?=^## )" % title, readme(),
                     re.S | re.M)[1]


def commands(text):
    """Indented lines of it that run our programs, in order."""
    for line in text.splitlines():
        line = line.split("  #")[0].strip() if line.startswith("    ") else ""
        if line.split(" ")[0] in PROGRAMS:
            yield line


def wgquick(tunnel):
    """What `fly wireguard create` would write."""
    peer = tunnel["peers"][0]
    return ("[Interface]\nPrivateKey = %s\nAddress = %s\nDNS = %s\n\n"
            "[Peer]\nPublicKey = %s\nAllowedIPs = %s\nEndpoint = %s\n" % (
                tunnel["private_key"], ", ".join(tunnel["address"]),
                ", ".join(tunnel["dns"]), peer["public_key"],
                ", ".join(peer["allowed_ips"]), peer["endpoint"]))


class Home:
    """A user's machine: our programs are installed, nothing else is there."""

    def __init__(self, lab, namespace=None):
        self.namespace = namespace or lab.near
        self.folder = os.path.join(lab.folder, "home-%d" % id(self))
        self.run_folder = os.path.join(self.folder, "run")
        for folder in (self.folder, self.run_folder):
            os.makedirs(folder)
            shutil.chown(folder, USER)
        self.bin = os.path.join(self.folder, "bin")
        os.makedirs(self.bin)
        for name in ("wgproxyd", "proxyctl"):
            shutil.copy(os.path.join(os.path.dirname(lab_daemon.BINARY),
                                     name), self.bin)
        self.environment = {
            "PATH": self.bin + ":" + os.environ["PATH"],
            "HOME": self.folder, "XDG_RUNTIME_DIR": self.run_folder,
            "ASAN_OPTIONS": "detect_leaks=1:verify_asan_link_order=0"}
        self.service = None

    def command(self, line):
        return self.namespace.command(as_user(USER, ["sh", "-c",
                                                     "exec " + line]))

    def start(self, line, **environment):
        self.service = Process("wgproxyd", self.command(line),
                               os.path.join(self.folder, "log"),
                               cwd=self.folder,
                               env=dict(self.environment, **environment))
        return self.service

    def run(self, line, code=0, seconds=30):
        done = subprocess.run(
            self.command(line), cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds)
        assert done.returncode == code, (line, done)
        return done

    def events(self, name):
        return [e for e in parse_events(self.service.log())
                if e["event"] == name]

    def stop(self):
        return self.service.stop()


@pytest.fixture
def own_lab():
    with Lab(postgres=True) as lab:
        yield lab


def test_commands(own_lab):
    """Every command line, in order, on a machine of its own."""
    home = Home(own_lab)
    write_private(os.path.join(home.folder, "fly.conf"),
                  wgquick(own_lab.tunnel()))
    seen = set()
    for line in commands(readme().replace(section(NETWORK), "")):
        words = line.replace("`", "").split()
        seen.add(words[0])
        if words[0] == "wgproxyd":
            home.start(line)
            until(lambda: home.events("listening"), 10, "it listens")
        else:
            home.run(line)
    assert seen == set(PROGRAMS)
    assert home.stop() == 0


def test_private_network(own_lab):
    """The gateway beside the database, the laptop where the network is. The
    lab's own peer has the usual port."""
    gateway, laptop = Home(own_lab, own_lab.far), Home(own_lab)
    make, serve, forward, psql = (
        line.replace("gw.example.org:51820", OUTER["far4"] + ":53821")
            .replace("appname=5432", "appname=5432:%s:5432" % APP4)
        for line in commands(section(NETWORK)))
    gateway.run(make)
    shutil.move(os.path.join(gateway.folder, "net", "client1.conf"),
                laptop.folder)
    gateway.start(serve)
    until(lambda: gateway.events("exposed"), 10, "it exposes")
    laptop.start(forward)
    until(lambda: laptop.events("listening"), 10, "it listens")
    done = laptop.run(psql + " -Atc 'select 6 * 7'")
    assert done.stdout == "42\n"
    gateway.run("proxyctl network add-client net phone")
    gateway.run("proxyctl network remove-client net client1")
    until(lambda: len(gateway.events("reloaded")) == 2, 10, "it reloads")
    peers = gateway.run("proxyctl peers --json").stdout
    assert len(json.loads(peers)["peers"]) == 1
    assert laptop.stop() == 0
    assert gateway.stop() == 0


def test_configuration(own_lab):
    """The YAML, checked with the command that stands before it."""
    home = Home(own_lab)
    write_private(os.path.join(home.folder, "fly.conf"),
                  wgquick(own_lab.tunnel()))
    text = re.search(r"```yaml\n(.*?)```", readme(), re.S)[1]
    write_private(os.path.join(home.folder, "wgproxyd.yaml"), text)
    done = home.run("wgproxyd --check --config wgproxyd.yaml")
    assert done.stdout == "configuration OK\n"


def test_day(own_lab):
    """From make install to stop: three forwards, psql, DNS breaks, the peer
    breaks, why, healing, drain."""
    lab, home = own_lab, Home(own_lab)
    root = os.path.join(home.folder, "root")
    subprocess.run(["make", "-s", "-C", TOP, "install", "prefix=/usr",
                    "DESTDIR=" + root,
                    "B=" + os.path.dirname(lab_daemon.BINARY)], check=True,
                   stdout=subprocess.DEVNULL)
    home.environment["PATH"] = "%s/usr/sbin:%s/usr/bin:%s" % (
        root, root, os.environ["PATH"])
    config = os.path.join(home.folder, ".config/wgproxyd")
    os.makedirs(config)
    for folder in (os.path.dirname(config), config):
        shutil.chown(folder, USER)
    write_private(os.path.join(config, "fly.conf"), wgquick(lab.tunnel()))
    write_private(os.path.join(config, "wgproxyd.yaml"),
                  yaml_text({"tunnels": {"fly": {"wireguard": "fly.conf"}}}))
    home.run("proxyctl ls", code=69)
    folder = os.path.join(home.folder, "manager")
    os.makedirs(folder)
    with Manager(folder) as manager:
        home.start("wgproxyd", **manager.settings(watchdog=20))
        manager.wait(READY="1")
        for name, target in (("one", "appname"), ("two", "four"),
                             ("three", "three")):
            home.run("proxyctl add 0:%s.internal:5432 --name %s" % (
                target, name))
        ports = {e["forward"]: int(e["local"].split(":")[-1])
                 for e in home.events("listening")}
        for name in ("one", "two", "three"):
            assert clients.psql(lab, ports[name], "-c",
                                "select 6 * 7") == "42\n"
        home.run("proxyctl wait")
        lab.names.stop()
        home.run("proxyctl add 0:fresh.internal:5432 --name fresh")
        done = home.run("proxyctl why fresh", code=1)
        assert "name server" in done.stdout, done
        lab.names.start(RECORDS)
        lab.peer.stop()
        until(lambda: "no handshake" in subprocess.run(
            home.command("proxyctl why one"), cwd=home.folder,
            env=home.environment, capture_output=True, text=True).stdout,
            45, "the cause is named")
        lab.peer.start()
        home.run("proxyctl wait one two three --timeout 30", seconds=40)
        assert clients.psql(lab, ports["one"], "-c", "select 1") == "1\n"
        manager.receive()
        home.run("proxyctl rm fresh")
        home.run("proxyctl drain")
        until(lambda: not home.service.running(), 10, "it ends")
        assert home.stop() == 0
        manager.wait(STOPPING="1")
    home.run("proxyctl status", code=69)
