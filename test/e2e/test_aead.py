# SPDX-License-Identifier: ISC
"""Each cipher backend with a peer that has its own, inside the sandbox."""

import subprocess

import pytest

from lab import clients, stream
from lab.lab import APP4, all_services
from lab.process import LabError

CHECK = ["--wireguard", "/dev/null", "--check", "--aead"]


@pytest.mark.parametrize("name", ["libsodium", "libcrypto", "ipsec-mb"])
def test_backend(shared_lab, name):
    daemon = shared_lab.daemon(all_services(APP4, APP4),
                               arguments=["--aead", name])
    try:
        with daemon:
            assert daemon.events("starting")[0]["aead"] == name
            clients.echoes(daemon, "echo4", b"short")
            clients.download(daemon, "source4", 4 * stream.MIB + 7, seed=1)
            clients.upload(daemon, "sink4", 4 * stream.MIB + 7, seed=2)
    except LabError:
        if not daemon.events("start_failed"):
            raise
        assert name != "libsodium"
        pytest.skip("%s is not here" % name)


def test_automatic(shared_lab):
    with shared_lab.daemon(all_services(APP4, APP4)) as daemon:
        assert daemon.events("starting")[0]["aead"] in (
            "libsodium", "libcrypto", "ipsec-mb")


def test_unknown(shared_lab):
    daemon = shared_lab.daemon(all_services(APP4, APP4))
    done = subprocess.run([daemon.program] + CHECK + ["rot13"],
                          capture_output=True, text=True)
    assert done.returncode == 64
    assert "rot13" in done.stderr
