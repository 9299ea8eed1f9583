# SPDX-License-Identifier: ISC
"""The lab itself, with wireguard-go at the near end where wgproxyd will be:
a broken lab must not look like a broken daemon."""

import contextlib
import socket

import pytest

from lab import stream
from lab.impair import Impair
from lab.lab import APP4, APP6, DNS4, DNS6, OUTER, Lab
from lab.services import BANNER, port
from lab.wireguard import Tun

SO_RCVBUFFORCE = 33


@pytest.fixture(scope="module")
def near():
    """A lab whose near end is a TUN of wireguard-go."""
    with Lab(postgres=True) as lab:
        identity = lab.identity()
        tun = Tun(lab.near, "wn" + lab.id, identity.keys, lab.folder)
        lab.exits.callback(tun.close)
        tun.addresses = [identity.four + "/16", identity.six + "/120"]
        tun.routes = ["fdaa:0:18::/48"]
        tun.add_peer(lab.peer.keys.public,
                     ["10.18.0.0/16", "fdaa:0:18::/48"], lab.endpoint())
        tun.start()
        yield lab


def dig(lab, server, name, kind):
    done = lab.near.run(["dig", "+short", "+time=2", "@" + server, name, kind])
    return done.stdout.split()


@pytest.mark.parametrize("server", [DNS4, DNS6])
def test_names(near, server):
    assert dig(near, server, "appname.internal", "AAAA") == [APP6]
    assert dig(near, server, "appname.internal", "A") == []
    assert dig(near, server, "four.internal", "A") == [APP4]
    assert dig(near, server, "three.internal", "AAAA")[-1] == APP6
    assert "appname.internal." in dig(near, server, "alias.internal", "AAAA")
    assert APP6 in dig(near, server, "alias.internal", "AAAA")


@pytest.mark.parametrize("name, status", [
    ("nothing.internal", "NXDOMAIN"), ("refused.internal", "REFUSED")])
def test_failures_of_names(near, name, status):
    done = near.near.run(["dig", "@" + DNS6, name, "AAAA"])
    assert "status: " + status in done.stdout


def test_long_answer_is_truncated(near):
    done = near.near.run(["dig", "+ignore", "+bufsize=512", "@" + DNS6,
                          "many.internal", "AAAA"])
    assert " tc" in done.stdout


@pytest.mark.parametrize("address", [APP4, APP6])
def test_psql(near, address):
    done = near.near.run(["psql", "-h", address, "-U", "postgres", "-Atc",
                          "select 6 * 7"])
    assert done.stdout == "42\n"


@pytest.mark.parametrize("address", [APP4, APP6])
def test_services(near, address):
    size = 8 * stream.MIB + 1
    with near.near.connect(address, port("source")) as sock:
        sock.sendall(b"5 %d\n" % size)
        sock.shutdown(1)
        assert stream.receive(sock) == (size, stream.digest(5, size))
    with near.near.connect(address, port("sink")) as sock:
        stream.send(sock, 6, size)
        sock.shutdown(1)
        assert stream.receive_line(sock) == "%d %s" % (
            size, stream.digest(6, size))
    with near.near.connect(address, port("server_first")) as sock:
        assert stream.receive_exactly(sock, len(BANNER)) == BANNER
    with pytest.raises(ConnectionRefusedError):
        near.near.connect(address, port("closed"))
    seen = len(near.services.endings("reader"))
    stream.reset(near.near.connect(address, port("reader")))
    assert near.services.wait_ending("reader", seen)["end"] == "reset"


def cross(lab, count, **settings):
    """Which of count datagrams cross the relay, in order of arrival."""
    with lab.far.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client = lab.near.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, client:
        server.bind((OUTER["far4"], 0))
        server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        server.settimeout(0.3)
        with Impair(lab.far, lab.folder, (OUTER["far4"], 51821),
                    server.getsockname(), **settings):
            for i in range(count):
                client.sendto(b"%d" % i, (OUTER["far4"], 51821))
            got = []
            with contextlib.suppress(TimeoutError):
                while True:
                    got.append(int(server.recv(64)))
            return got


def test_impairment(near):
    assert cross(near, 500) == list(range(500))
    lossy = cross(near, 500, loss_ppm=300000, delay_us=5000, seed=7)
    assert 300 < len(lossy) < 400
    assert lossy == cross(near, 500, loss_ppm=300000, seed=7)
    assert lossy != cross(near, 500, loss_ppm=300000, seed=8)
    assert len(cross(near, 500, dup_ppm=100000)) > 500
    mixed = cross(near, 500, reorder_ppm=100000)
    assert mixed != sorted(mixed) and sorted(mixed) == list(range(500))
