# SPDX-License-Identifier: ISC
"""A private network on loopback: real daemons, as whoever runs the test."""

import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import PROXYCTL

DAEMON = os.path.join(os.path.dirname(PROXYCTL), "wgproxyd")


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def sandbox():
    """A forbidden system call ends the daemon; sanitizers make some."""
    with open(DAEMON, "rb") as file:
        sanitized = b"__asan_init" in file.read()
    return "--no-sandbox" if sanitized else "--strict-sandbox"


class Live:
    """A wgproxyd with a folder, a home and a control socket of its own."""

    def __init__(self, folder, environment, *args):
        folder.mkdir()
        self.socket = folder / "sock"
        self.log_path = folder / "log"
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                [DAEMON, sandbox(), *map(str, args), "--socket", self.socket,
                 "--state-dir", folder / "state"],
                env=environment, cwd=folder.parent / "net",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self):
        return self.log_path.read_text()

    def wait(self, text):
        until(lambda: text in self.log() or self.child.poll() is not None)
        assert text in self.log(), self.log()

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(10)
        finally:
            self.child.kill()


@pytest.fixture
def echo():
    """The port of a service that sends back what comes."""
    def serve(client):
        with client:
            while data := client.recv(65536):
                client.sendall(data)

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,),
                             daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def start(tmp_path, environment):
    """Starts daemons; all must end well."""
    running = []

    def start(*args):
        running.append(Live(tmp_path / ("home%d" % len(running)), environment,
                            *args))
        return running[-1]
    yield start
    codes = [daemon.stop() for daemon in reversed(running)]
    assert not any(codes), codes


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def net(run, tmp_path, echo):
    done = run("network", "init", "--gateway", "127.0.0.1:%d" %
               free_udp_port(), "--expose", "appname=5432:%d" % echo,
               tmp_path / "net")
    assert done.returncode == 0, done.stderr
    return tmp_path / "net"


@pytest.fixture
def gateway(start, net):
    daemon = start("--config", "gateway.yaml")
    daemon.wait("event=exposed")
    return daemon


def forward(start, run, conf, target):
    """A client daemon; the port that leads to the target."""
    client = start("--wireguard", conf, "--forward", "0:" + target)
    client.wait("event=listening")
    done = run("--socket", client.socket, "ls", "--json")
    return json.loads(done.stdout)["forwards"][0]["port"]


def echoes(port):
    with socket.create_connection(("127.0.0.1", port), 15) as sock:
        sock.sendall(b"hello")
        return sock.recv(5, socket.MSG_WAITALL) == b"hello"


def test_by_name(start, run, gateway, net):
    assert echoes(forward(start, run, "client1.conf",
                          "appname.internal:5432"))


def test_added_while_it_runs(start, run, gateway, net):
    """The daemon's path is relative: it is known by its key."""
    address = (net / "client1.conf").read_text().split("DNS = ")[1]
    target = "[%s]:5432" % address.split(",")[0]
    assert echoes(forward(start, run, "client1.conf", target))
    done = run("--socket", gateway.socket, "network", "add-client", net,
               "phone", "--json")
    assert json.loads(done.stdout)["reloaded"] is True, done.stderr
    assert echoes(forward(start, run, "phone.conf", target))
    done = run("--socket", gateway.socket, "network", "remove-client", net,
               "phone", "--json")
    assert json.loads(done.stdout)["reloaded"] is True, done.stderr
    done = run("--socket", gateway.socket, "peers", "--json")
    assert len(json.loads(done.stdout)["peers"]) == 1
