# SPDX-License-Identifier: ISC
"""One short life under valgrind: no error, no leak."""

import shutil

import pytest

from lab import clients, stream
from lab.daemon import binary
from lab.lab import APP6


def test_valgrind(lab):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    with open(binary(), "rb") as file:
        if b"__asan_init" in file.read():
            pytest.skip("this build has AddressSanitizer")
    wrapper = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
               "--errors-for-leak-kinds=definite,indirect,possible"]
    forwards = {"source": (APP6, "source"), "sink": (APP6, "sink"),
                "pg": "appname.internal:5432", "none": "none.internal:1"}
    with lab.daemon(forwards, wrapper=wrapper, nofile=1024) as daemon:
        rows = clients.psql(lab, daemon.ports["pg"], "-c", "select 6 * 7")
        assert rows == "42\n"
        clients.download(daemon, "source", stream.MIB)
        clients.upload(daemon, "sink", stream.MIB)
        clients.is_refused(daemon, "none", "dns_nxdomain")
        with daemon.connect("source") as sock:
            sock.sendall(b"1 10000000\n")
            stream.receive_exactly(sock, 1000)
            stream.reset(sock)
        code, _ = daemon.stop(seconds=10)
        log = daemon.process.log()
        assert code == 0 and "==" not in log, log
