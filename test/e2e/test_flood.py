# SPDX-License-Identifier: ISC
"""Strangers who send much: an open session hardly notices, memory does not
grow. The same flood at a socket beside the daemon's is what it costs anyway."""

import base64
import hashlib
import os
import socket
import statistics
import subprocess
import time

import pytest

from lab import clients, stream
from lab.control import Control
from lab.lab import APP6, OUTER
from lab.process import run
from lab.wireguard import TOP

SIZE = 48 * stream.MIB


def blake2s(*parts, key=b"", size=32):
    return hashlib.blake2s(b"".join(parts), key=key,
                           digest_size=size).digest()


def initiations(public_key, count=512):
    """Of nobody, but with a good mac1: all that a stranger needs for that is
    the public key (checklist C1)."""
    key = blake2s(b"mac1----", base64.b64decode(public_key))
    made = b""
    for _ in range(count):
        body = b"\x01\x00\x00\x00" + os.urandom(112)
        made += body + blake2s(body, key=key, size=16) + bytes(16)
    return made, 148


def junk(public_key):
    return b"".join(os.urandom(148) for _ in range(512)), 148


class Flood:
    def __init__(self, lab, port, rate, messages):
        program = os.path.join(lab.folder, "flood")
        if not os.path.exists(program):
            run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE",
                 "-O2", "-o", program, os.path.join(TOP, "test/e2e/flood.c")])
        data, size = messages
        path = os.path.join(lab.folder, "messages")
        with open(path, "wb") as file:
            file.write(data)
        self.child = subprocess.Popen(
            lab.far.command([program, OUTER["near4"], str(port), str(rate),
                             path, str(size)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(0.3)

    def stop(self):
        out, _ = self.child.communicate()
        return int(out)


def speed(lab, daemon, port, rate, messages):
    """Mbit/s of a download while a port is flooded; datagrams per second."""
    flood = Flood(lab, port, rate, messages)
    start = time.monotonic()
    clients.download(daemon, "source", SIZE)
    took = time.monotonic() - start
    sent = flood.stop()
    return SIZE * 8e-6 / took, sent / (time.monotonic() - start)


def resident(daemon):
    with open("/proc/%d/statm" % daemon.process.pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("kind, rate", [(junk, 100000), (initiations, 10000)])
def test_flood(lab, kind, rate):
    with lab.daemon({"source": (APP6, "source"), "echo": (APP6, "echo")}) \
            as daemon, Control(daemon.socket) as control, \
            lab.near.socket(socket.AF_INET) as beside:
        beside.bind((OUTER["near4"], 0))
        tunnel, = control.result("status")["tunnels"]
        messages = kind(tunnel["public_key"])
        quiet, loud, sent = [], [], []
        for _ in range(3):
            quiet.append(speed(lab, daemon, beside.getsockname()[1], rate,
                               messages)[0])
            fast, count = speed(lab, daemon, tunnel["listen_port"], rate,
                                messages)
            loud.append(fast)
            sent.append(count)
        # Without a download, whose buffers are another matter.
        memory = resident(daemon)
        flood = Flood(lab, tunnel["listen_port"], rate, messages)
        time.sleep(2)
        flood.stop()
        grown = resident(daemon) - memory
        print("%s: %.0f/s, beside %s, at us %s Mbit/s, ratio %.2f, %+d KiB" % (
            kind.__name__, statistics.median(sent),
            ["%.0f" % s for s in quiet], ["%.0f" % s for s in loud],
            statistics.median(loud) / statistics.median(quiet), grown // 1024))
        assert statistics.median(loud) > 0.4 * statistics.median(quiet)
        assert grown <= 1 << 20
        assert max(sent) > rate / 4, "the flood was no flood"
        clients.echoes(daemon, "echo")
        if kind is initiations:
            assert not daemon.events("error")


def test_session_under_load(lab):
    """A new session comes up while strangers flood us with handshakes: it
    needs a cookie, and gets one."""
    with lab.daemon({"echo": (APP6, "echo")}) as daemon, \
            Control(daemon.socket) as control:
        tunnel, = control.result("status")["tunnels"]
        flood = Flood(lab, tunnel["listen_port"], 10000,
                      initiations(tunnel["public_key"]))
        clients.echoes(daemon, "echo")
        flood.stop()
