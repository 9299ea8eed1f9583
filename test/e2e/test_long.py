# SPDX-License-Identifier: ISC
"""Three rekeys with real peers, in both roles, with and without a preshared
key: 6.5 minutes, so `make check-e2e-long` runs it, beside other suites.

Nothing is shortened. Whoever starts the handshake renews the key: in the role
"starts" that is us, in the role "answers" the peer.
"""

import concurrent.futures
import itertools
import os
import time

import pytest

from lab import clients, stream
from lab.control import Control
from lab.lab import APP6, OUTER, Lab, endpoint
from lab.wireguard import Keys, implementation, preshared_key

LONG = os.environ.get("WGPROXYD_E2E_LONG") == "1"
SECONDS = 390
KINDS = ["wireguard-go", "wireguard-go-newest", "boringtun"]
FORWARDS = {"source": (APP6, "source"), "echo": ("four.internal", "echo")}
NEAR_PORT = 51900


def live(daemon, seconds):
    """A word on the way all the time, each answered in time although other
    suites work beside it, and some bulk; how many times."""
    end = time.monotonic() + seconds
    with daemon.connect("echo") as sock:
        for count in itertools.count():
            start = time.monotonic()
            if start > end:
                return count
            sock.sendall(b"tick")
            assert stream.receive_exactly(sock, 4) == b"tick"
            assert time.monotonic() - start < 4, "after %d rounds" % count
            clients.download(daemon, "source", 20000)
            time.sleep(0.5)


def handshakes(daemon):
    """When the newest was, as the daemon says."""
    with Control(daemon.socket) as control:
        return control.result("status")["tunnels"][0]["last_handshake_at"]


def starts(lab):
    with lab.daemon(FORWARDS) as daemon:
        first = time.time()
        live(daemon, SECONDS)
        assert handshakes(daemon) - first > 350


def answers(lab):
    """We do not know where the peer is: only it can start."""
    keys = Keys()
    identity = lab.identity(keys)
    tunnel = lab.tunnel(listen_port=NEAR_PORT, private_key=keys.private,
                        address=[identity.four + "/24", identity.six + "/120"])
    del tunnel["peers"][0]["endpoint"]
    with lab.daemon(FORWARDS, tunnel) as daemon:
        lab.peer.set_endpoint(keys.public, endpoint(OUTER["near4"], NEAR_PORT))
        lab.far.run(["dig", "+tries=1", "+time=1", "@" + identity.four,
                     "x.internal"], check=False)
        daemon.wait_event("peer_up", 10)
        first = time.time()
        live(daemon, SECONDS)
        assert handshakes(daemon) - first > 350


def run(kind, role, psk):
    with Lab(kind, psk=preshared_key() if psk else None) as lab:
        role(lab)


@pytest.mark.skipif(not LONG, reason="takes 6.5 minutes; make check-e2e-long")
def test_three_rekeys():
    kinds = [kind for kind in KINDS if implementation(kind) is not None]
    assert "wireguard-go" in kinds
    cases = list(itertools.product(kinds, (starts, answers), (False, True)))
    failures = []
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        jobs = {pool.submit(run, *case): case for case in cases}
        for job in concurrent.futures.as_completed(jobs):
            kind, role, psk = jobs[job]
            if job.exception() is not None:
                failures.append((kind, role.__name__, psk, job.exception()))
    assert not failures, failures
