# SPDX-License-Identifier: ISC
"""A bad network between the ends: every byte arrives, at a fair speed."""

import time

import pytest

from lab import clients, stream
from lab.lab import APP6

SIZE = 16 * stream.MIB
NETWORKS = {
    "loss 1 %": dict(loss_ppm=10000, delay_us=5000),
    "reordering": dict(reorder_ppm=20000, reorder_us=3000, delay_us=5000),
    "duplicates": dict(dup_ppm=50000, delay_us=2000),
    "all, 5 %": dict(loss_ppm=50000, reorder_ppm=50000, dup_ppm=50000,
                     delay_us=2000),
    "a slow link": dict(rate_mbps=50, delay_us=20000, queue_kib=256),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network(lab, name):
    with lab.impair(seed=5, **NETWORKS[name]) as network:
        tunnel = lab.tunnel(endpoint=network.endpoint)
        forwards = {"source": (APP6, "source"), "sink": (APP6, "sink"),
                    "pg": "appname.internal:5432"}
        with lab.daemon(forwards, tunnel) as daemon:
            for way, forward in ((clients.download, "source"),
                                 (clients.upload, "sink")):
                start = time.monotonic()
                way(daemon, forward, SIZE)
                seconds = time.monotonic() - start
                print("%s, %s: %.1f Mbit/s" % (
                    name, way.__name__, SIZE * 8e-6 / seconds))
                # Far below what is right, far above what is broken.
                assert seconds < 30
            for _ in range(10):
                assert clients.psql(lab, daemon.ports["pg"], "-c",
                                    "select 1") == "1\n"


def test_ends_that_come_in_one_piece(lab):
    """Reordering makes long runs arrive at once, the FIN with them."""
    with lab.impair(seed=5, **NETWORKS["reordering"]) as network:
        tunnel = lab.tunnel(endpoint=network.endpoint)
        with lab.daemon({"source": (APP6, "source")}, tunnel) as daemon:
            for seed in range(8):
                clients.download(daemon, "source", SIZE, seed)
