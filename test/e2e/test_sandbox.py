# SPDX-License-Identifier: ISC
"""What the running daemon can no longer do. That it can still do all it has
to is what every other test shows: they run it with --strict-sandbox."""

import errno
import os
import signal
import socket

import pytest

from lab import clients, inject
from lab.daemon import write_private
from lab.lab import APP6
from lab.process import until

ECHO = {"echo": (APP6, "echo")}
x86_64 = pytest.mark.skipif(not inject.possible(),
                            reason="system calls are injected on x86-64")


def statuses(daemon):
    """Of each thread."""
    folder = "/proc/%d/task" % daemon.process.pid
    found = []
    for task in os.listdir(folder):
        with open("%s/%s/status" % (folder, task)) as file:
            found.append(dict(line.rstrip("\n").split(":\t", 1)
                              for line in file if ":\t" in line))
    return found


def sandboxed(daemon):
    event = daemon.wait_event("sandbox")
    if event["seccomp"] == "off" or event["landlock"] == "off":
        pytest.skip("this build, kernel or sanitizer has no sandbox")
    return event


@pytest.fixture
def readable(lab):
    """A file that anybody may read."""
    path = os.path.join(lab.folder, "public")
    with open(path, "w") as file:
        file.write("text\n")
    os.chmod(path, 0o644)
    yield path
    os.unlink(path)


@pytest.mark.parametrize("mode", [[], ["--strict-sandbox"]])
def test_every_thread_is_inside(lab, mode):
    lab.near.set_hosts({"peer.example": "192.0.2.2"})
    tunnel = lab.tunnel(endpoint="peer.example:%d" % lab.peer.port)
    with lab.daemon(ECHO, tunnel, sandbox=mode) as daemon:
        event = sandboxed(daemon)
        assert event["seccomp"] == ("strict" if mode else "on")
        clients.echoes(daemon, "echo")  # a thread looked the name up
        assert len(statuses(daemon)) > 1
        for status in statuses(daemon):
            assert status["Seccomp"] == "2"
            assert status["NoNewPrivs"] == "1"


def test_no_sandbox(lab):
    with lab.daemon(ECHO, sandbox=["--no-sandbox"]) as daemon:
        event = daemon.wait_event("sandbox")
        assert (event["seccomp"], event["landlock"]) == ("off", "off")
        for status in statuses(daemon):
            assert status["Seccomp"] == "0"
        clients.echoes(daemon, "echo")


@x86_64
def test_files_are_closed(lab, readable):
    with lab.daemon(ECHO, sandbox=[]) as daemon:
        sandboxed(daemon)
        pid = daemon.process.pid

        def opened(path, flags=os.O_RDONLY):
            return inject.call(pid, inject.OPENAT, inject.AT_FDCWD, path,
                               flags)
        assert opened(readable) == -errno.EACCES
        assert opened("/usr/bin/env") == -errno.EACCES
        assert opened("/proc/self/maps") == -errno.EACCES
        assert opened("/") == -errno.EACCES
        assert opened(daemon.config) >= 0
        assert opened(daemon.config, os.O_WRONLY) == -errno.EACCES
        assert opened("/etc/hosts") >= 0
        clients.echoes(daemon, "echo")


@x86_64
def test_files_are_open_without(lab, readable):
    """The test above can fail."""
    with lab.daemon(ECHO, sandbox=["--no-sandbox"]) as daemon:
        assert inject.call(daemon.process.pid, inject.OPENAT, inject.AT_FDCWD,
                           readable, os.O_RDONLY) >= 0
        clients.echoes(daemon, "echo")


@x86_64
@pytest.mark.parametrize("call", [
    (inject.EXECVE, "/bin/true", 0, 0),
    (inject.SOCKET, socket.AF_PACKET, socket.SOCK_RAW, 0)])
def test_taken_over_means_dead(lab, call):
    daemon = lab.daemon(ECHO, sandbox=[])
    daemon.start()
    try:
        sandboxed(daemon)
        assert inject.call(daemon.process.pid, *call) == -signal.SIGSYS
        until(lambda: not daemon.process.running(), 5, "it is dead")
    finally:
        daemon.stop(signal.SIGKILL)


def test_key_in_another_folder(lab):
    """Folders named by the configuration are open for the next reload."""
    folder = os.path.join(lab.folder, "keys")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    tunnel = lab.tunnel()
    key = os.path.join(folder, "psk")
    daemon = lab.daemon(ECHO, tunnel, sandbox=[])
    write_private(key, open(os.path.join(daemon.folder, "lab.key")).read())
    with open(daemon.config) as file:
        text = file.read().replace(
            os.path.join(daemon.folder, "lab.key"), key)
    write_private(daemon.config, text)
    with daemon:
        sandboxed(daemon)
        clients.echoes(daemon, "echo")
        if inject.possible():
            assert inject.call(daemon.process.pid, inject.OPENAT,
                               inject.AT_FDCWD, key, os.O_RDONLY) >= 0
