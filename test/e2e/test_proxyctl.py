# SPDX-License-Identifier: ISC
"""proxyctl with a real daemon, tunnel, name server and database: what its
tests with a made-up daemon cannot know."""

import contextlib
import json
import socket
import threading
import time

import pytest

from lab.control import Control, forward, proxyctl
from lab.lab import APP6, Lab
from lab.process import until

ECHO = "[%s]:7001" % APP6


@pytest.fixture
def daemon(lab):
    with lab.daemon({"echo": (APP6, "echo")}) as daemon:
        yield daemon


def test_psql(daemon):
    """The first makes a forward, the second takes it."""
    query = ["psql", "appname", "--", "-U", "postgres", "-XAtc"]
    done = proxyctl(daemon, *query, "select 6 * 7")
    assert done.stdout == "42\n"
    assert "temporary" in done.stderr
    done = proxyctl(daemon, *query, "\\conninfo")
    assert 'on host "appname.internal" (address "127.0.0.1")' in done.stdout
    assert "temporary" not in done.stderr
    with Control(daemon.socket) as control:
        assert forward(control, "appname")["origin"] == "temporary"
    proxyctl(daemon, "rm", "appname")
    assert proxyctl(daemon, *query, "select 1/0",
                    check=False).returncode == 1


def test_questions(daemon):
    assert APP6 in proxyctl(daemon, "resolve", "appname.internal").stdout
    done = proxyctl(daemon, "resolve", "nosuch.internal", check=False)
    assert done.returncode == 1
    assert "ms" in proxyctl(daemon, "ping", "echo", "-c", "2").stdout
    assert "refused" in proxyctl(daemon, "ping", "[%s]:1" % APP6).stdout
    done = proxyctl(daemon, "why", "echo")
    steps = [line.split()[:2] for line in done.stdout.splitlines()[:-1]]
    assert ["ok", "connect"] in steps and "failed" not in done.stdout
    done = proxyctl(daemon, "status", "--check")
    assert done.stdout.startswith("ready")
    assert "lab" in proxyctl(daemon, "status").stdout
    assert "up" in proxyctl(daemon, "peers").stdout


def test_wait(lab):
    """It may be asked before the daemon is there."""
    daemon = lab.daemon({"echo": (APP6, "echo")})
    answers = []
    asked = threading.Thread(target=lambda: answers.append(
        proxyctl(daemon, "wait", "--timeout", "15", "echo", check=False)))
    asked.start()
    time.sleep(0.7)
    assert answers == []
    with daemon:
        asked.join(20)
        assert answers[0].returncode == 0, answers[0]
        done = proxyctl(daemon, "wait", "nosuch", check=False)
        assert done.returncode == 1


def test_wait_for_a_peer_that_is_away():
    with Lab(services=False) as lab:
        lab.peer.stop()
        with lab.daemon({"echo": "10.18.0.80:7001"}) as daemon:
            done = proxyctl(daemon, "wait", "--timeout", "3", check=False)
            assert done.returncode == 75
            assert "no handshake" in done.stderr


def test_longest_forwards(lab):
    """However long names are, a page of them fits into a line."""
    host, tunnel = ".".join(["x" * 60] * 4), "t" * 63
    forwards = {"f%02d" % n + "y" * 60: {
        "to": host + ":5432", "tunnel": tunnel,
        "allow": ["fdaa:1234:5678:9abc:def0:1234:5678:9a%02x/128" % i
                  for i in range(15)] + ["127.0.0.0/8"]}
                for n in range(60)}
    with lab.daemon(forwards,
                    more_tunnels={tunnel: lab.tunnel()}) as daemon:
        for name in forwards:  # so that each has a reason to show
            with contextlib.suppress(ConnectionError):
                with daemon.connect(name) as sock:
                    sock.recv(1)
        done = proxyctl(daemon, "ls", "--json")
        listed = json.loads(done.stdout)["forwards"]
        assert {entry["name"] for entry in listed} == set(forwards)


def test_connections_kill_drain(daemon):
    sock = daemon.connect("echo")
    sock.sendall(b"x")
    assert sock.recv(1) == b"x"
    listed = proxyctl(daemon, "connections", "echo").stdout.splitlines()
    assert len(listed) == 2 and "open" in listed[1]
    proxyctl(daemon, "kill", listed[1].split()[0])
    with pytest.raises(ConnectionResetError):
        sock.recv(1)
    sock.close()
    with daemon.connect("echo") as held:
        held.sendall(b"y")
        assert held.recv(1) == b"y"
        done = proxyctl(daemon, "drain", "echo")
        assert "1 connection left" in done.stderr
        ended = threading.Timer(0.5, held.shutdown, [socket.SHUT_WR])
        ended.start()
        began = time.monotonic()
        proxyctl(daemon, "drain", "echo", "--wait", "5")
        assert 0.2 < time.monotonic() - began < 4
        with pytest.raises(ConnectionRefusedError):
            daemon.connect("echo")
    proxyctl(daemon, "drain", "echo", "--resume")
    with daemon.connect("echo") as sock:
        sock.sendall(b"z")
        assert sock.recv(1) == b"z"


def test_drain_everything(daemon):
    """What does not end in time is reset, and so ends the daemon."""
    with daemon.connect("echo") as held:
        held.sendall(b"y")
        assert held.recv(1) == b"y"
        proxyctl(daemon, "drain", "--wait", "1")
        with pytest.raises(ConnectionResetError):
            held.recv(1)
    until(lambda: not daemon.process.running(), 5, "the daemon ends")
