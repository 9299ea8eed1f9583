# SPDX-License-Identifier: ISC
"""The far end is ours, too: local services for the peers of a tunnel."""

import socket
import threading
import time

import pytest

from lab import clients, stream
from lab.control import proxyctl
from lab.gateway import (GATEWAY4, GATEWAY6, Gateway, forwards,
                         service_exposes)
from lab.lab import APP4, DEAD4
from lab.process import until
from lab.services import BANNER

ECHO = {"listen": 7001, "to": APP4 + ":7001", "name": "echo"}


@pytest.fixture(scope="module")
def gateway(shared_lab):
    with Gateway(shared_lab, service_exposes()) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def daemon(shared_lab, gateway):
    with shared_lab.daemon(forwards(), gateway.client_tunnel(0)) as daemon:
        yield daemon


@pytest.fixture
def guest(gateway):
    """Linux's own TCP behind somebody else's WireGuard."""
    tun = gateway.guest(1)
    try:
        tun.start()
        yield tun
    finally:
        tun.close()


# ------------------------------------------------------------- streams

def test_bytes(daemon):
    clients.echoes(daemon, "echo")
    clients.upload(daemon, "sink", 64 * stream.MIB)
    clients.download(daemon, "source", 64 * stream.MIB)


def test_guest(lab, guest):
    for host in (GATEWAY4, GATEWAY6):
        with lab.near.connect(host, 7001, 10) as sock:
            sock.sendall(b"hello")
            assert stream.receive_exactly(sock, 5) == b"hello"
            sock.shutdown(1)
            assert sock.recv(1) == b""


def test_service_speaks_first(lab, guest):
    with lab.near.connect(GATEWAY6, 7004, 10) as sock:
        assert stream.receive_exactly(sock, len(BANNER)) == BANNER


def test_service_ends_first(lab, daemon):
    seen = len(lab.services.endings("server_closes_first"))
    with daemon.connect("server_closes_first") as sock:
        assert stream.receive_exactly(sock, len(BANNER)) == BANNER
        assert sock.recv(1) == b""
        stream.send(sock, 4, 300000)
    ending = lab.services.wait_ending("server_closes_first", seen)
    assert (ending["end"], ending["bytes"]) == ("eof", 300000)


def test_service_resets(daemon, gateway):
    count = len(gateway.events("conn_closed", reason="upstream_reset"))
    with daemon.connect("reset_on_data") as sock:
        sock.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    gateway.wait_event("conn_closed", 5, count + 1, reason="upstream_reset")


def test_client_resets(lab, daemon, gateway):
    count = len(gateway.events("conn_closed", reason="client_reset"))
    seen = len(lab.services.endings("reader"))
    with daemon.connect("reader") as sock:
        sock.sendall(b"x")
        time.sleep(0.2)
        stream.reset(sock)
    assert lab.services.wait_ending("reader", seen)["end"] == "reset"
    gateway.wait_event("conn_closed", 5, count + 1, reason="client_reset")


# ------------------------------------------------------------- who comes in

def test_refused_like_on_the_spot(lab, guest, daemon):
    """No connection ever seems to be there."""
    with pytest.raises(ConnectionRefusedError):
        lab.near.connect(GATEWAY6, 7999, 5)
    with pytest.raises(ConnectionRefusedError):
        lab.near.connect(GATEWAY6, 7777, 5)  # nothing exposed
    clients.is_refused(daemon, "closed", "connect_refused")


def test_a_silent_target(lab):
    """As long as it says nothing, the client hears nothing."""
    silent = {"listen": 80, "to": DEAD4 + ":80", "name": "silent"}
    with Gateway(lab, [silent]) as gateway:
        guest = gateway.guest(0)
        guest.start()
        try:
            with lab.near.socket(socket.AF_INET) as sock:
                sock.settimeout(3)
                with pytest.raises(TimeoutError):
                    sock.connect((GATEWAY4, 80))
            with pytest.raises(ConnectionRefusedError):
                lab.near.connect(GATEWAY4, 80, 20)
        finally:
            guest.close()
        event = gateway.wait_event("conn_refused", 15, 2)
        assert event["reason"] in ("connect_timeout", "connect_unreachable")


def test_allow_and_limit(lab):
    exposes = [dict(ECHO, allow=[Gateway.client6(0) + "/128"]),
               dict(ECHO, listen=7100, name="few", max_connections=1)]
    with Gateway(lab, exposes) as gateway:
        guests = [gateway.guest(i) for i in range(2)]
        try:
            guests[1].start()
            with pytest.raises(ConnectionRefusedError):
                lab.near.connect(GATEWAY6, 7001, 5)
            gateway.wait_event("conn_refused", forward="echo",
                               reason="not_allowed")
            with lab.near.connect(GATEWAY6, 7100, 5) as sock:
                sock.sendall(b"x")
                assert sock.recv(1) == b"x"
                with pytest.raises(ConnectionRefusedError):
                    lab.near.connect(GATEWAY6, 7100, 5)
            gateway.wait_event("conn_refused", forward="few", reason="limit")
            guests[1].close()
            guests[0].start()
            lab.near.connect(GATEWAY6, 7001, 5).close()
        finally:
            for guest in guests:
                guest.close()


def test_one_address(lab):
    """An expose on one of the tunnel's addresses is on no other."""
    exposes = [dict(ECHO, listen="[%s]:7001" % GATEWAY6)]
    with Gateway(lab, exposes) as gateway:
        guest = gateway.guest(0)
        guest.start()
        try:
            lab.near.connect(GATEWAY6, 7001, 5).close()
            with pytest.raises(ConnectionRefusedError):
                lab.near.connect(GATEWAY4, 7001, 5)
        finally:
            guest.close()


# ------------------------------------------------------------- at run time

def test_expose_and_unexpose(lab, tmp_path):
    with Gateway(lab, [ECHO], sandbox=[]) as gateway, lab.daemon(
            {"late": "[%s]:7003" % GATEWAY6},
            gateway.client_tunnel(0)) as daemon:
        clients.is_refused(daemon, "late", "connect_refused")
        done = proxyctl(gateway, "expose", "--name", "late",
                        "7003:%s:7003" % APP4)
        assert done.stdout == "7003 -> %s:7003\n" % APP4
        until(lambda: daemon.events("forward_up"), 15, "it is seen")
        clients.upload(daemon, "late", 100000)
        assert "lab/7003" in proxyctl(gateway, "ls").stdout
        assert proxyctl(gateway, "why", "late").returncode == 0
        taken = proxyctl(gateway, "expose", "7001", check=False)
        assert taken.returncode == 1
        assert "taken by expose echo" in taken.stderr
        gateway.stop()
        gateway.start()
        clients.upload(daemon, "late", 100000)  # it was kept
        assert proxyctl(gateway, "unexpose", "echo",
                        check=False).returncode == 1  # configured
        proxyctl(gateway, "unexpose", "late")
        clients.is_refused(daemon, "late", "connect_refused")


def test_why_says_that_the_service_is_down(daemon, gateway):
    done = proxyctl(gateway, "why", "closed", check=False)
    assert done.returncode == 1
    assert "refused" in done.stdout + done.stderr


def test_strict_sandbox_says_so(gateway):
    done = proxyctl(gateway, "expose", "--temporary", "9999", check=False)
    assert done.returncode == 1
    assert "strict" in done.stderr


def test_reload(lab):
    """Two exposes change places, a third keeps its connection."""
    first = [dict(ECHO, listen=81, name="a"),
             dict(ECHO, listen=82, name="b", to=APP4 + ":7004"),
             dict(ECHO, listen=83, name="c")]
    with Gateway(lab, first) as gateway, lab.daemon(
            {"p81": "[%s]:81" % GATEWAY6, "p82": "[%s]:82" % GATEWAY6,
             "p83": "[%s]:83" % GATEWAY6},
            gateway.client_tunnel(0)) as daemon:
        with daemon.connect("p83") as kept:
            kept.sendall(b"1")
            assert kept.recv(1) == b"1"
            second = [dict(first[0], listen=82), dict(first[1], listen=81),
                      first[2]]
            gateway.set_exposes(second)
            proxyctl(gateway, "reload")
            with daemon.connect("p81") as sock:
                assert stream.receive_exactly(sock, len(BANNER)) == BANNER
            clients.echoes(daemon, "p82")
            kept.sendall(b"2")
            assert kept.recv(1) == b"2"


# ------------------------------------------------------------- between peers

@pytest.mark.parametrize("routed", [True, False])
def test_between_peers(lab, routed):
    """From one client to another, when the gateway is told to, and else
    not at all."""
    tunnel = {"route_between_peers": True} if routed else {}
    with Gateway(lab, [ECHO], tunnel=tunnel) as gateway:
        guest = gateway.guest(0)
        port = 7300 + routed
        target = {"to": "[%s]:%d" % (Gateway.client6(0), port)}
        with lab.near.socket(socket.AF_INET6) as listener:
            guest.start()
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((Gateway.client6(0), port))
                listener.listen()
                lab.near.connect(GATEWAY6, 7001, 5).close()  # is known now
                with lab.daemon({"peer": target},
                                gateway.client_tunnel(1)) as daemon:
                    listener.settimeout(10 if routed else 3)
                    with daemon.connect("peer") as sock:
                        if not routed:
                            with pytest.raises(TimeoutError):
                                listener.accept()
                            return
                        there, address = listener.accept()
                        assert address[0] == Gateway.client6(1)
                        check_both_ways(sock, there)
            finally:
                guest.close()


def check_both_ways(here, there):
    size = 16 * stream.MIB
    with there:
        for one, other in ((here, there), (there, here)):
            transfer(one, other, size)


def transfer(one, other, size):
    thread = threading.Thread(target=stream.send, args=(one, 3, size))
    thread.start()
    data = stream.receive_exactly(other, size)
    thread.join()
    assert stream.hashlib.sha256(data).hexdigest() == stream.digest(3, size)
