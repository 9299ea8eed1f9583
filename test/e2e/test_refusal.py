# SPDX-License-Identifier: ISC
"""A target that cannot be reached: refused or reset within 10 s, never
silence, never an end that looks like success, and the log says why."""

import time

import pytest

from lab import clients
from lab.lab import APP6, DEAD6, OUTER, endpoint
from lab.wireguard import Keys


@pytest.fixture(scope="module")
def daemon(shared_lab):
    with shared_lab.daemon({
            "good": (APP6, "echo"),
            "nxdomain": "nothing.internal:5432",
            "nodata": "text.internal:5432",
            "refused_name": "refused.internal:5432",
            "no_route": "elsewhere.internal:5432",
            "closed": ("appname.internal", "closed"),
            "closed4": ("four.internal", "closed"),
            "silent": "dead.internal:5432",
            "silent_address": endpoint(DEAD6[0], 5432)}) as daemon:
        yield daemon


@pytest.mark.parametrize("forward, reason, seconds", [
    ("nxdomain", "dns_nxdomain", 2),
    ("nodata", "dns_nodata", 2),
    ("refused_name", "dns_server", 10),
    ("no_route", "no_route", 2),
    ("closed", "connect_refused", 2),
    ("closed4", "connect_refused", 2),
    ("silent", "connect_timeout", 10.5),
    ("silent_address", "connect_timeout", 10.5),
])
def test_reason(daemon, forward, reason, seconds):
    clients.is_refused(daemon, forward, reason, seconds)
    clients.echoes(daemon, "good")


def test_reset_although_bytes_came(daemon):
    """A client that already talks is cut in the same way."""
    with daemon.connect("closed") as sock:
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(100):
                sock.sendall(b"x" * 1000)
                time.sleep(0.05)
            raise AssertionError("still connected after 5 s")


@pytest.mark.parametrize("changes", [
    {"endpoint": endpoint(OUTER["far4"], 9)},
    {"endpoint": endpoint("192.0.2.77", 51820)},
    {"endpoint": endpoint("198.51.100.1", 51820)},
    {"public_key": Keys().public},
    {"private_key": Keys().private},
], ids=["nobody-at-port", "no-such-host", "no-route", "wrong-peer-key",
        "wrong-own-key"])
def test_tunnel_is_down(lab, changes):
    with lab.daemon({"x": ("appname.internal", "echo"),
                     "y": (APP6, "echo")}, lab.tunnel(**changes)) as daemon:
        clients.is_refused(daemon, "x", "tunnel_down", 10.5)
        clients.is_refused(daemon, "y", "tunnel_down", 10.5)


def test_name_server_is_silent(lab):
    with lab.daemon({"x": ("appname.internal", "echo")},
                    lab.tunnel(dns=[DEAD6[0]])) as daemon:
        clients.is_refused(daemon, "x", "dns_timeout", 10.5)


def test_endpoint_has_no_address(lab):
    with lab.daemon({"x": (APP6, "echo")}, lab.tunnel(
            endpoint="gateway.example.invalid:51820")) as daemon:
        clients.is_refused(daemon, "x", "endpoint_unknown", 10.5)


def test_source_is_not_allowed(lab):
    forward = {"to": endpoint(APP6, 7001), "listen": OUTER["near4"] + ":0",
               "allow": ["192.0.2.2/32"]}
    with lab.daemon({"x": forward}) as daemon:
        clients.is_refused(daemon, "x", "not_allowed", 2,
                           host=OUTER["near4"])
        with lab.far.connect(OUTER["near4"], daemon.ports["x"]) as sock:
            sock.sendall(b"hello")
            assert sock.recv(5) == b"hello"


def test_limit_of_a_forward(lab):
    forward = {"to": endpoint(APP6, 7001), "max_connections": 2}
    with lab.daemon({"x": forward}) as daemon:
        with daemon.connect("x") as one, daemon.connect("x") as two:
            for sock in (one, two):
                sock.sendall(b"hello")
                assert sock.recv(5) == b"hello"
            clients.is_refused(daemon, "x", "limit", 2)
        time.sleep(0.5)
        clients.echoes(daemon, "x")
