# SPDX-License-Identifier: ISC
"""Life under a service manager: what it is told."""

import os
import signal
import tempfile
import time

import pytest

from lab import clients
from lab.lab import APP6
from lab.manager import Manager
from lab.process import until

ECHO = {"echo": (APP6, "echo")}


@pytest.fixture
def manager(lab):
    folder = tempfile.mkdtemp(prefix="manager", dir=lab.folder)
    os.chmod(folder, 0o755)
    with Manager(folder) as manager:
        yield manager


def test_ready_status_stopping(lab, manager):
    with lab.daemon(ECHO, environment=manager.settings()) as daemon:
        message = manager.wait(READY="1")
        assert message.pid == daemon.process.pid
        assert message["STATUS"] == "1 of 1 forwards, tunnel lab idle"
        clients.echoes(daemon, "echo")
        manager.wait(STATUS="1 of 1 forwards, tunnel lab up")
        with daemon.connect("echo") as sock:
            sock.sendall(b"hello")
            assert sock.recv(5) == b"hello"
            os.kill(daemon.process.pid, signal.SIGTERM)
            message = manager.wait(STOPPING="1")
            assert message["STATUS"] == "stopping, 1 connections open"
            until(lambda: not daemon.process.running(), 5, "it ends")
        assert daemon.process.child.returncode == 0
    kinds = [m.text.split("=")[0] for m in manager.receive()]
    assert kinds.count("READY") == 1 and kinds[-1] == "STOPPING", kinds


def test_ready_means_listening(lab, manager):
    """Who connects right after READY is not refused."""
    for _ in range(5):
        daemon = lab.daemon(ECHO, environment=manager.settings())
        manager.messages.clear()
        with daemon:
            manager.wait(READY="1")
            daemon.connect("echo").close()


def test_ready_without_a_tunnel(lab, manager):
    tunnel = lab.tunnel(endpoint="192.0.2.2:9")
    with lab.daemon(ECHO, tunnel, environment=manager.settings()) as daemon:
        manager.wait(READY="1")
        with daemon.connect("echo"):
            manager.wait(20, STATUS="1 of 1 forwards, tunnel lab down")


def test_status_names_what_does_not_listen(lab, manager):
    with lab.daemon(ECHO) as first:
        forwards = {"pg": {"to": "appname.internal:5432",
                           "listen": first.ports["echo"]}}
        second = lab.daemon(forwards, environment=manager.settings())
        with pytest.raises(Exception, match="every forward listens"):
            second.start(1)
        try:
            message = manager.wait(READY="1")
            assert message["STATUS"].startswith("0 of 1 forwards")
        finally:
            assert second.stop()[0] == 0


def test_watchdog(lab, manager):
    """At half of the time, and not at all by a daemon that hangs."""
    settings = manager.settings(watchdog=1)
    with lab.daemon(ECHO, environment=settings) as daemon:
        manager.wait(READY="1")
        time.sleep(3)
        signs = len([m for m in manager.receive() if "WATCHDOG" in m])
        assert 5 <= signs <= 8
        os.kill(daemon.process.pid, signal.SIGSTOP)
        time.sleep(0.2)
        before = len(manager.receive())
        time.sleep(1.5)
        assert len(manager.receive()) == before
        os.kill(daemon.process.pid, signal.SIGCONT)
        until(lambda: len(manager.receive()) > before, 2, "it lives again")


def test_watchdog_of_another(lab, manager):
    settings = dict(manager.settings(watchdog=0.2), WATCHDOG_PID="1")
    with lab.daemon(ECHO, environment=settings):
        manager.wait(READY="1")
        time.sleep(1)
        assert not [m for m in manager.receive() if "WATCHDOG" in m]


def test_manager_that_is_not_there(lab):
    environment = {"NOTIFY_SOCKET": "/nonexistent/notify",
                   "WATCHDOG_USEC": "1000"}
    with lab.daemon(ECHO, environment=environment) as daemon:
        assert daemon.wait_event("notify_failed")["socket"]
        clients.echoes(daemon, "echo")
