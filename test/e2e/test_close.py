# SPDX-License-Identifier: ISC
"""How a stream ends at one side is how it ends at the other."""

import os
import signal
import socket
import time

import pytest

from lab import clients, stream
from lab.lab import APP4, APP6, Lab, all_services
from lab.process import until
from lab.services import BANNER

pytestmark = pytest.mark.parametrize("family", "46")


@pytest.fixture(scope="module")
def daemon(shared_lab):
    with shared_lab.daemon(all_services(APP4, APP6)) as daemon:
        yield daemon


def test_client_ends_first(daemon, family):
    """The sink answers only after our FIN."""
    clients.upload(daemon, "sink" + family, 300000)


def test_server_ends_first(lab, daemon, family):
    """After the server's FIN the other direction still works."""
    seen = len(lab.services.endings("server_closes_first"))
    size = 3 * stream.MIB
    with daemon.connect("server_closes_first" + family) as sock:
        assert stream.receive_exactly(sock, len(BANNER)) == BANNER
        assert sock.recv(1) == b""
        time.sleep(0.2)
        stream.send(sock, 4, size)
    ending = lab.services.wait_ending("server_closes_first", seen)
    assert (ending["end"], ending["bytes"]) == ("eof", size)


def test_server_speaks_first(daemon, family):
    with daemon.connect("server_first" + family) as sock:
        assert stream.receive_exactly(sock, len(BANNER)) == BANNER
        sock.sendall(b"hello")
        assert stream.receive_exactly(sock, 5) == b"hello"


def test_client_speaks_first(daemon, family):
    clients.echoes(daemon, "echo" + family)


def test_client_speaks_and_ends_at_once(lab, daemon, family):
    """Bytes and FIN that came before the tunnel side was connected."""
    seen = len(lab.services.endings("reader"))
    with daemon.connect("reader" + family) as sock:
        sock.sendall(b"x" * 50000)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
    ending = lab.services.wait_ending("reader", seen)
    assert (ending["end"], ending["bytes"]) == ("eof", 50000)


def test_client_resets(lab, daemon, family):
    seen = len(lab.services.endings("reader"))
    closed = len(daemon.events("conn_closed", forward="reader" + family))
    sock = daemon.connect("reader" + family)
    sock.sendall(b"x" * 1000)
    time.sleep(0.3)
    stream.reset(sock)
    ending = lab.services.wait_ending("reader", seen)
    assert ending["end"] == "reset"
    event = daemon.wait_event("conn_closed", 5, closed + 1,
                              forward="reader" + family)
    assert event["reason"] == "client_reset"


def test_client_closes_with_unread_data(lab, daemon, family):
    """The kernel resets then, and so must we."""
    seen = len(lab.services.endings("source"))
    sock = daemon.connect("source" + family)
    sock.sendall(b"1 %d\n" % (64 * stream.MIB))
    stream.receive_exactly(sock, 100000)
    sock.close()
    ending = lab.services.wait_ending("source", seen)
    assert ending["end"] in ("reset", "broken pipe")


@pytest.mark.parametrize("size", [0, 1, 5 * stream.MIB])
def test_server_resets_after_data(daemon, family, size):
    """However much came before: never an end that looks like FIN."""
    closed = len(daemon.events("conn_closed",
                               forward="source_then_reset" + family))
    with daemon.connect("source_then_reset" + family) as sock:
        sock.sendall(b"1 %d\n" % size)
        got = 0
        with pytest.raises(ConnectionResetError):
            while data := sock.recv(stream.MIB):
                got += len(data)
        assert got <= size
    event = daemon.wait_event("conn_closed", 5, closed + 1,
                              forward="source_then_reset" + family)
    assert event["reason"] == "upstream_reset"


def test_server_resets_at_once(daemon, family):
    with daemon.connect("reset_on_data" + family) as sock:
        sock.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            assert sock.recv(1) == b"", "neither data nor FIN came"
            raise AssertionError("the stream looks complete")


def test_server_dies_in_the_middle(family):
    """Its kernel resets, because it has unread bytes of ours: the client
    must see ECONNRESET, not the end."""
    host = {"4": APP4, "6": APP6}[family]
    with Lab() as lab, lab.daemon({"s": (host, "source")}) as daemon:
        with daemon.connect("s") as sock:
            sock.sendall(b"1 %d\nunread" % (1 << 40))
            stream.receive_exactly(sock, 4 * stream.MIB)
            lab.services.process.stop(signal.SIGKILL)
            with pytest.raises(ConnectionResetError):
                while sock.recv(stream.MIB):
                    pass
                raise AssertionError("the stream looks complete")


def test_nothing_is_left(daemon, family):
    """Connections that ended leave no descriptor behind."""
    count = descriptors(daemon)
    for _ in range(100):
        clients.echoes(daemon, "echo" + family)
    until(lambda: descriptors(daemon) <= count, 3, "all is closed")


def descriptors(daemon):
    return len(os.listdir("/proc/%d/fd" % daemon.process.pid))
