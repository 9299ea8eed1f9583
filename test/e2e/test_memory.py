# SPDX-License-Identifier: ISC
"""Memory is taken when it is needed, and given back."""

import time

import pytest

from lab import clients, stream
from lab.lab import APP4, all_services

CONNECTIONS = 120
EACH = 131072


@pytest.fixture
def daemon(shared_lab):
    with shared_lab.daemon(all_services(APP4, APP4)) as daemon:
        yield daemon


def resident_kib(daemon):
    with open("/proc/%d/status" % daemon.process.pid) as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_idle(daemon):
    """Before anybody has connected."""
    assert resident_kib(daemon) <= 4096


def test_peak(daemon):
    """What many connections needed at the same time is gone soon after, while
    they are still open, and nobody is woken up for it afterwards."""
    socks = [daemon.connect("echo4") for _ in range(CONNECTIONS)]
    data = bytes(EACH)
    for sock in socks:
        sock.sendall(data)
    time.sleep(1)
    peak = resident_kib(daemon)
    for sock in socks:
        assert stream.receive_exactly(sock, EACH) == data
    assert peak > 8192
    deadline = time.monotonic() + 15
    while resident_kib(daemon) > 5120:
        assert time.monotonic() < deadline, resident_kib(daemon)
        time.sleep(0.2)
    for sock in socks[:5]:
        sock.sendall(data)
        assert stream.receive_exactly(sock, EACH) == data
    for sock in socks:
        sock.close()
    clients.echoes(daemon, "echo4")
