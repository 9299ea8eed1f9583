# SPDX-License-Identifier: ISC
"""Keys are in the locked memory and nowhere else."""

import base64
import os
import re

import pytest

from lab import clients
from lab.control import Control, proxyctl
from lab.lab import APP6, Lab
from lab.wireguard import Keys


@pytest.fixture(scope="module")
def psk_lab():
    with Lab(psk=base64.b64encode(os.urandom(32)).decode()) as lab:
        yield lab


def forms(text):
    """A key in the forms in which it could leak: raw, clamped as X25519 does
    it, base64 and hex."""
    raw = base64.b64decode(text)
    clamped = bytes([raw[0] & 248]) + raw[1:31] + bytes(
        [raw[31] & 127 | 64])
    return {form for key in (raw, clamped) for form in (
        key, base64.b64encode(key), key.hex().encode(),
        key.hex().upper().encode())}


def mappings(pid):
    """(start, end, flags) of what can be read."""
    with open("/proc/%d/smaps" % pid) as file:
        text = file.read()
    for block in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", text):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", block)
        flags = re.search(r"VmFlags:(.*)", block)
        if head[3][0] == "r" and flags:
            yield int(head[1], 16), int(head[2], 16), flags[1].split()


def found_in_memory(pid, secrets):
    """Flags of each mapping that holds one of the secrets."""
    found = []
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for start, end, flags in mappings(pid):
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, ValueError):
                continue  # the kernel's own
            found += [flags for secret in secrets if secret in data]
    return found


def places(daemon):
    """What others may get to see, by name."""
    pid = daemon.process.pid
    for name in ("cmdline", "environ"):
        with open("/proc/%d/%s" % (pid, name), "rb") as file:
            yield name, file.read()
    yield "log", daemon.process.log().encode()
    for name in os.listdir(daemon.state):
        with open(os.path.join(daemon.state, name), "rb") as file:
            yield name, file.read()
    for command in ("status", "peers", "ls", "connections"):
        yield command, proxyctl(daemon, command, "--json").stdout.encode()


def test_marker_keys(psk_lab):
    """After handshakes, a reload and an added forward: the private and the
    preshared key are in locked memory that no core file gets, and in nothing
    that leaves the process."""
    with psk_lab.daemon({"echo": (APP6, "echo")},
                        arguments=["--log-level", "debug"]) as daemon, \
            Control(daemon.socket) as control:
        secrets = forms(daemon.tunnel["private_key"]) | forms(psk_lab.psk)
        clients.echoes(daemon, "echo")
        control.result("add", spec="0:[%s]:7001" % APP6, name="more")
        control.result("reload")
        clients.echoes(daemon, "echo")
        for name, data in places(daemon):
            for secret in secrets:
                assert secret not in data, "a key is in " + name
        found = found_in_memory(daemon.process.pid, secrets)
        assert found, "the scan finds nothing at all"
        for flags in found:
            assert "lo" in flags and "dd" in flags, flags


def test_old_keys_go(psk_lab):
    """A private key that was replaced on reload is nowhere any more."""
    with psk_lab.daemon({"echo": (APP6, "echo")}) as daemon, \
            Control(daemon.socket) as control:
        old = daemon.tunnel["private_key"]
        clients.echoes(daemon, "echo")
        daemon.tunnel["private_key"] = Keys().private
        daemon.configure(daemon.forwards)
        control.result("reload")
        assert not found_in_memory(daemon.process.pid, forms(old))


def test_no_core(psk_lab):
    with psk_lab.daemon({"echo": (APP6, "echo")}) as daemon:
        with open("/proc/%d/limits" % daemon.process.pid) as file:
            assert re.search(r"Max core file size +0 +0", file.read())
        # Not dumpable: what is in /proc belongs to root.
        assert os.stat("/proc/%d/mem" % daemon.process.pid).st_uid == 0
