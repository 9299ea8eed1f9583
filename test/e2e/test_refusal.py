# SPDX-License-Identifier: ISC
"""A target that cannot be reached: refused or reset within 10 s, never
silence, never an end that looks like success, and the log says why."""

import concurrent.futures
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
            "closed_late": ("appname.internal", "closed"),
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
])
def test_reason(daemon, forward, reason, seconds):
    clients.is_refused(daemon, forward, reason, seconds)
    clients.echoes(daemon, "good")


def test_silent_target(daemon):
    for_each(["silent", "silent_address"], lambda forward: clients.is_refused(
        daemon, forward, "connect_timeout", 10.5))
    clients.echoes(daemon, "good")


def test_reset_although_bytes_came(daemon):
    """A client that already talks is cut in the same way."""
    with daemon.connect("closed_late") as sock:
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(100):
                sock.sendall(b"x" * 1000)
                time.sleep(0.05)
            raise AssertionError("still connected after 5 s")


DOWN = {
    "nobody at the port": {"endpoint": endpoint(OUTER["far4"], 9)},
    "no such host": {"endpoint": endpoint("192.0.2.77", 51820)},
    "no route to the host": {"endpoint": endpoint("198.51.100.1", 51820)},
    "wrong key of the peer": {"public_key": Keys().public},
    "wrong key of our own": {"private_key": Keys().private},
}


def test_tunnel_is_down(lab):
    """By name and by address, all cases at the same time."""
    def refused(case):
        forwards = {"name": ("appname.internal", "echo"),
                    "address": (APP6, "echo")}
        with lab.daemon(forwards, lab.tunnel(**DOWN[case])) as daemon:
            for_each(forwards, lambda forward: clients.is_refused(
                daemon, forward, "tunnel_down", 10.5))
    for_each(DOWN, refused)


def for_each(items, function):
    """Calls it for all items at the same time; the first error counts."""
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        for job in {item: pool.submit(function, item)
                    for item in items}.values():
            job.result()


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
