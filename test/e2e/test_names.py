# SPDX-License-Identifier: ISC
"""Targets by name and by address; how fast the right address is found."""

import time

import pytest

from lab import clients
from lab.lab import APP4, APP6, DEAD6, DNS4, DNS6, RECORDS

HOSTS = ["appname.internal", "four.internal", "both.internal",
         "alias.internal", "many.internal", APP4, APP6]


@pytest.fixture(scope="module")
def daemon(shared_lab):
    forwards = {host.partition(".")[0].replace(":", "-"): (host, "echo")
                for host in HOSTS}
    forwards["ip4"] = (APP4, "echo")
    del forwards["10"]
    with shared_lab.daemon(forwards) as daemon:
        yield daemon


@pytest.mark.parametrize("forward", [
    "appname", "four", "both", "alias", "many", "ip4",
    APP6.replace(":", "-")])
def test_target(daemon, forward):
    for host in ("127.0.0.1", "::1"):
        clients.echoes(daemon, forward, host=host)


def test_two_dead_addresses_cost_less_than_a_second(lab):
    """The first connection of all: names, tunnel and attempts from cold."""
    with lab.daemon({"three": ("three.internal", "server_first")}) as daemon:
        start = time.monotonic()
        with daemon.connect("three") as sock:
            assert sock.recv(100) != b""
        assert time.monotonic() - start < 1
        # The address that worked is remembered.
        start = time.monotonic()
        with daemon.connect("three") as sock:
            assert sock.recv(100) != b""
        assert time.monotonic() - start < 0.2


@pytest.mark.parametrize("changes, target", [
    ({"dns": [DNS4]}, "appname.internal"),
    ({"dns": [DNS4, DNS6]}, "four.internal"),
    ({"search": ["internal"]}, "appname"),
    ({"search": ["example.net", "internal"]}, "four"),
], ids=["dns4", "both-servers", "search", "search-second"])
def test_ways_to_ask(lab, changes, target):
    with lab.daemon({"x": (target, "echo")},
                    lab.tunnel(**changes)) as daemon:
        clients.echoes(daemon, "x")


def test_first_name_server_is_dead(lab):
    with lab.daemon({"x": ("appname.internal", "echo")},
                    lab.tunnel(dns=[DEAD6[1], DNS6])) as daemon:
        start = time.monotonic()
        clients.echoes(daemon, "x")
        assert time.monotonic() - start < 8


def test_name_server_restart(lab):
    """Asking goes on after the server was away; nothing is restarted."""
    with lab.daemon({"x": ("appname.internal", "echo"),
                     "y": ("four.internal", "echo")}) as daemon:
        clients.echoes(daemon, "x")
        lab.names.stop()
        try:
            clients.is_refused(daemon, "y", "dns_timeout", 11)
        finally:
            lab.names.start(RECORDS)
        clients.echoes(daemon, "y")
