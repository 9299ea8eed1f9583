# SPDX-License-Identifier: ISC
"""Many bytes, all of them, in order."""

import concurrent.futures
import os
import time

import pytest

from lab import clients, stream
from lab.lab import APP4, APP6, all_services

FULL = os.environ.get("WGPROXYD_E2E_FULL") == "1"
SIZE = (1024 if FULL else 64) * stream.MIB + 12345
SIZE_OF = {"4": SIZE, "6": 1024 * stream.MIB + 12345}


@pytest.fixture(scope="module")
def daemon(shared_lab):
    with shared_lab.daemon(all_services(APP4, APP6)) as daemon:
        yield daemon


@pytest.mark.parametrize("family", "46")
@pytest.mark.parametrize("way", [clients.download, clients.upload])
def test_one_stream(daemon, way, family):
    """1 GiB over IPv6, and over IPv4 in the full run."""
    name = {clients.download: "source", clients.upload: "sink"}[way]
    size = SIZE_OF[family]
    start = time.monotonic()
    way(daemon, name + family, size, seed=int(family))
    seconds = time.monotonic() - start
    print("%s over IPv%s: %.0f Mbit/s" % (
        way.__name__, family, size * 8e-6 / seconds))


@pytest.mark.parametrize("size", [0, 1, 1359, 1360, 1361, 65535, 65536,
                                  1000003])
def test_odd_sizes(daemon, size):
    clients.download(daemon, "source6", size, seed=size)
    clients.upload(daemon, "sink4", size, seed=size)


def test_both_ways_at_once(daemon):
    """One connection that is full in both directions."""
    size = SIZE // 4
    with daemon.connect("echo6") as sock, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        sock.settimeout(60)
        got = pool.submit(stream.receive, sock)
        stream.send(sock, 3, size)
        sock.shutdown(1)
        assert got.result(60) == (size, stream.digest(3, size))


def test_many_streams_at_once(daemon):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        jobs = []
        for i in range(8):
            family = "46"[i % 2]
            jobs.append(pool.submit(clients.download, daemon,
                                    "source" + family, SIZE // 16, seed=i))
            jobs.append(pool.submit(clients.upload, daemon, "sink" + family,
                                    SIZE // 16, seed=i))
        for job in jobs:
            job.result(120)


def test_client_that_pauses(daemon):
    """The window closes, memory stays bounded, and it goes on."""
    size = 48 * stream.MIB
    before = resident_kib(daemon)
    with daemon.connect("source6") as sock:
        sock.sendall(b"9 %d\n" % size)
        first = stream.receive_exactly(sock, stream.MIB)
        time.sleep(3)
        assert resident_kib(daemon) - before < 24 * 1024
        clients.echoes(daemon, "echo4")  # others are not held up
        total = stream.hashlib.sha256(first)
        while data := sock.recv(stream.MIB):
            total.update(data)
        assert total.hexdigest() == stream.digest(9, size)


def test_server_that_does_not_read(daemon):
    """The client is slowed down, and what it sent is not hoarded."""
    before = resident_kib(daemon)
    with daemon.connect("never_reads6") as sock:
        sock.settimeout(2)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 256 * stream.MIB:
                sent += sock.send(bytes(stream.MIB))
        assert sent < 64 * stream.MIB
        assert resident_kib(daemon) - before < 40 * 1024
        clients.echoes(daemon, "echo6")
        stream.reset(sock)


def resident_kib(daemon):
    with open("/proc/%d/status" % daemon.process.pid) as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


@pytest.mark.parametrize("size", [2, 6, 12])
def test_client_that_reads_when_all_has_come(daemon, size):
    """What waits in the daemon for the client goes out to the last byte,
    though nothing more comes from the server to remind it."""
    with daemon.connect("source6") as sock:
        sock.sendall(b"9 %d\n" % (size * stream.MIB))
        time.sleep(1)
        sock.settimeout(10)
        assert stream.receive(sock) == (
            size * stream.MIB, stream.digest(9, size * stream.MIB))
