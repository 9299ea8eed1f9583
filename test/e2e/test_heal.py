# SPDX-License-Identifier: ISC
"""What breaks on the way is mended without a restart of the daemon."""

import contextlib
import os
import signal
import time

import pytest

from lab import clients, stream
from lab.impair import Impair
from lab.lab import APP6, OUTER, Lab

FORWARDS = {"echo": (APP6, "echo"), "named": ("appname.internal", "echo"),
            "source": (APP6, "source")}


@pytest.fixture
def own_lab():
    """A lab that a test may break."""
    with Lab() as lab:
        yield lab


def exchange(sock, seconds):
    """One word there and back within that time."""
    sock.settimeout(seconds)
    sock.sendall(b"hello")
    assert stream.receive_exactly(sock, 5) == b"hello"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_peer_restart(own_lab, sig):
    """It forgets the session; open connections and new ones go on."""
    with own_lab.daemon(FORWARDS) as daemon:
        with daemon.connect("echo") as sock:
            exchange(sock, 5)
            own_lab.peer.stop(sig)
            own_lab.peer.start()
            start = time.monotonic()
            exchange(sock, 30)
            assert time.monotonic() - start < 25
            clients.echoes(daemon, "named")


def test_peer_away_for_long(own_lab):
    """Down is said, new clients are refused, and up again heals by itself
    within seconds: nobody has to ask."""
    with own_lab.daemon(FORWARDS) as daemon:
        clients.echoes(daemon, "echo")
        own_lab.peer.stop()
        # For 15 s the protocol itself cannot tell a silent peer from a
        # silent target.
        for _ in range(2):
            clients.is_refused(daemon, "echo", None, 10.5)
        clients.is_refused(daemon, "echo", "tunnel_down", 10.5)
        own_lab.peer.start()
        clients.echoes_within(daemon, "named", 12)


@pytest.mark.parametrize("seconds", [3, 12])
def test_outage(own_lab, seconds):
    """Nothing crosses for a while. No connection is lost, and data flows
    soon after it is over."""
    with own_lab.impair() as network:
        tunnel = own_lab.tunnel(endpoint=network.endpoint)
        with own_lab.daemon(FORWARDS, tunnel) as daemon:
            with daemon.connect("source") as sock, \
                    daemon.connect("echo") as idle:
                size = 64 * stream.MIB
                exchange(idle, 5)
                sock.sendall(b"5 %d\n" % size)
                total = stream.hashlib.sha256(
                    stream.receive_exactly(sock, stream.MIB))
                network.change(loss_ppm=1000000)
                time.sleep(seconds)
                network.change(loss_ppm=0)
                start = time.monotonic()
                exchange(idle, 30)
                assert time.monotonic() - start < max(3, seconds)
                sock.settimeout(30)
                while data := sock.recv(stream.MIB):
                    total.update(data)
                assert total.hexdigest() == stream.digest(5, size)


@pytest.mark.parametrize("seconds", [20, 60])
def test_hundred_connections(own_lab, seconds, full):
    """UDP is blocked under a hundred open connections, each with a word on its
    way: none is lost, and all have their answer within 3 s of the end."""
    if seconds > 20 and not full:
        pytest.skip("takes a minute; WGPROXYD_E2E_FULL=1")
    with own_lab.impair() as network:
        tunnel = own_lab.tunnel(endpoint=network.endpoint)
        with own_lab.daemon(FORWARDS, tunnel) as daemon, \
                contextlib.ExitStack() as exits:
            socks = [exits.enter_context(daemon.connect("echo"))
                     for _ in range(100)]
            for sock in socks:
                exchange(sock, 5)
            network.change(loss_ppm=1000000)
            for sock in socks:
                sock.sendall(b"hello")
            time.sleep(seconds)
            network.change(loss_ppm=0)
            start = time.monotonic()
            for sock in socks:
                sock.settimeout(20)
                assert stream.receive_exactly(sock, 5) == b"hello"
            took = time.monotonic() - start
            print("after %d s: %.1f s" % (seconds, took))
            assert took < 3


def test_endpoint_by_name(own_lab):
    """E6: the host's resolver gives two addresses, and only the second
    answers: it is tried when the first does not."""
    with Impair(own_lab.near, own_lab.folder, ("127.0.0.1", 51999),
                (OUTER["far4"], own_lab.peer.port)):
        tunnel = own_lab.tunnel(endpoint="localhost:51999")
        with own_lab.daemon(FORWARDS, tunnel) as daemon:
            daemon.wait_event("endpoint_resolved")
            clients.echoes_within(daemon, "echo", 25)


def test_own_address_changes(own_lab):
    """Another network: the peer learns the new address from our packets."""
    near = own_lab.near
    with own_lab.daemon(FORWARDS) as daemon:
        with daemon.connect("echo") as sock:
            exchange(sock, 5)
            near.ip("address", "add", "192.0.2.9/24", "dev", "up0")
            near.ip("address", "del", OUTER["near4"] + "/24", "dev", "up0")
            near.ip("address", "replace", "192.0.2.9/24", "dev", "up0")
            exchange(sock, 20)
            clients.echoes(daemon, "named")


def test_link_goes_away_and_comes_back(own_lab):
    """No route at all: send errors are no reason to end or to spin."""
    near = own_lab.near
    with own_lab.daemon(FORWARDS) as daemon:
        with daemon.connect("echo") as sock:
            exchange(sock, 5)
            near.ip("link", "set", "up0", "down")
            sock.sendall(b"hello")
            time.sleep(3)
            near.ip("link", "set", "up0", "up")
            near.ip("route", "replace", "192.0.2.0/24", "dev", "up0")
            sock.settimeout(20)
            assert stream.receive_exactly(sock, 5) == b"hello"


def test_stopped_process(own_lab):
    """SIGSTOP and SIGCONT, as a short sleep of the machine."""
    with own_lab.daemon(FORWARDS) as daemon:
        with daemon.connect("echo") as sock:
            exchange(sock, 5)
            daemon.process.child.send_signal(signal.SIGSTOP)
            time.sleep(5)
            daemon.process.child.send_signal(signal.SIGCONT)
            exchange(sock, 5)
            clients.echoes(daemon, "named")


def test_target_vanishes(own_lab):
    """A server whose host is gone is noticed by the one who sends to it.
    Here only: the connection is not cut as long as there is hope."""
    with own_lab.daemon(FORWARDS) as daemon:
        with daemon.connect("echo") as sock:
            exchange(sock, 5)
            own_lab.far.ip("address", "del", APP6 + "/48", "dev",
                           own_lab.peer.device)
            sock.sendall(b"hello")
            time.sleep(4)
            own_lab.far.address(own_lab.peer.device, APP6 + "/48")
            sock.settimeout(20)
            assert stream.receive_exactly(sock, 5) == b"hello"


def test_server_that_forgot_the_connection(own_lab):
    """Its RST reaches the client: no hanging until some timeout."""
    with own_lab.impair() as network:
        tunnel = own_lab.tunnel(endpoint=network.endpoint)
        forwards = {"mute": (APP6, "never_reads")}
        with own_lab.daemon(forwards, tunnel) as daemon, \
                daemon.connect("mute") as sock:
            sock.sendall(b"unread")
            time.sleep(0.5)
            # Unread bytes make its kernel say RST, once, and we miss it.
            network.change(loss_ppm=1000000)
            time.sleep(0.1)
            own_lab.services.stop()
            own_lab.services.start()
            network.change(loss_ppm=0)
            sock.settimeout(15)
            with pytest.raises(ConnectionResetError):
                sock.sendall(b"hello")
                assert sock.recv(5) != b"", "a cut stream looks complete"


def test_clock_set_back(own_lab):
    """N15: the peer takes no older stamp. The greatest one is on the disk, so
    a daemon whose clock went back an hour meanwhile is still heard; without
    that file it would not be."""
    daemon = own_lab.daemon(FORWARDS)
    path = os.path.join(daemon.state, "stamps")
    with daemon:
        clients.echoes(daemon, "echo")
    key, stamp = open(path).read().split()
    assert abs(int(stamp) / 1e9 - time.time()) < 60
    # As if that had been an hour later than it is now.
    later = int(stamp) + 3600 * 10 ** 9
    with open(path, "w") as file:
        file.write("%s %d\n" % (key, later))
    with daemon:
        clients.echoes(daemon, "echo")
    assert int(open(path).read().split()[1]) > later
    os.unlink(path)
    with daemon:
        clients.is_refused(daemon, "echo", "tunnel_down", 11)
