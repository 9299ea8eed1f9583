# SPDX-License-Identifier: ISC
"""The installed user unit under a real systemd, in namespaces of its own.

test_service.py has the details, with a manager that can be looked into; this
is whether systemd means the same.
"""

import contextlib
import os
import shutil
import signal
import socket
import tempfile

import pytest

from lab import netns
from lab.lab import APP6
from lab.process import LabError, Process, run, until
from lab.stream import receive_exactly
from lab.wireguard import TOP

pytestmark = pytest.mark.skipif(
    shutil.which("systemd") is None and
    not os.path.exists("/lib/systemd/systemd"), reason="no systemd here")

START = """
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/system $XDG_RUNTIME_DIR
chmod 700 $XDG_RUNTIME_DIR
/lib/systemd/systemd --user --log-target=console &
wait
"""


class UserManager:
    """systemd --user of a user with a home and a daemon installed in it."""

    def __init__(self, namespace, folder):
        self.folder = folder
        self.prefix = os.path.join(folder, "usr")
        self.environment = dict(os.environ, HOME=folder,
                                XDG_RUNTIME_DIR="/run/user-of-test")
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "NOTIFY_SOCKET"):
            self.environment.pop(name, None)
        self.outer = Process(
            # ip netns exec would hide the control groups.
            "systemd", ["nsenter", "--net=/run/netns/" + namespace.name,
                        "unshare", "--mount", "--propagation", "private",
                        "--pid", "--fork", "--kill-child", "--mount-proc",
                        "bash", "-c", START],
            os.path.join(folder, "systemd.log"), env=self.environment)

    def install(self):
        build = os.path.dirname(os.path.abspath(
            os.environ.get("WGPROXYD", TOP + "/build/wgproxyd")))
        run(["make", "-s", "-C", TOP, "install", "B=" + build, "DESTDIR=",
             "prefix=" + self.prefix])
        units = os.path.join(self.folder, ".config/systemd/user")
        os.makedirs(units)
        shutil.copy(self.prefix + "/lib/systemd/user/wgproxyd.service", units)

    def inner(self):
        """The first process of the namespace, as seen from here."""
        path = "/proc/%d/task/%d/children" % (self.outer.pid, self.outer.pid)
        with open(path) as file:
            return file.read().split()[0]

    def systemctl(self, *arguments, **kwargs):
        return run(["nsenter", "-t", self.inner(), "-m", "-p", "-n",
                    "systemctl", "--user"] + list(arguments),
                   env=self.environment, **kwargs).stdout.strip()

    def wait(self):
        def answers():
            with contextlib.suppress(LabError, IndexError, OSError):
                return self.systemctl("show", "-p", "Version") != ""
        until(answers, 10, "systemd answers", 0.2)

    def show(self, name):
        return self.systemctl("show", "wgproxyd", "-P", name)

    def main_pid(self):
        """As seen from inside."""
        return int(self.show("MainPID"))

    def kill(self, name):
        run(["nsenter", "-t", self.inner(), "-m", "-p", "kill", "-s", name,
             str(self.main_pid())])

    def close(self):
        with contextlib.suppress(LabError, IndexError, OSError):
            # It removes its control groups.
            self.systemctl("exit", check=False)
            until(lambda: not self.outer.running(), 5, "systemd ends")
        self.outer.stop(signal.SIGKILL)


@pytest.fixture
def systemd(lab):
    folder = tempfile.mkdtemp(dir="/tmp", prefix=netns.FOLDERS[5:] +
                              "%d-systemd" % os.getpid())
    manager = UserManager(lab.near, folder)
    try:
        manager.install()
        try:
            manager.wait()
        except LabError as error:
            pytest.skip("no systemd --user here: %s" % error)
        yield manager
    finally:
        manager.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_user_unit(lab, systemd):
    forwards = {"echo": {"to": "[%s]:7001" % APP6, "listen": 0}}
    daemon = lab.daemon(forwards)
    home = os.path.join(systemd.folder, ".config/wgproxyd")
    shutil.copytree(daemon.folder, home)
    for name in ("wgproxyd.yaml", "lab.key"):
        path = os.path.join(home, name)
        with open(path) as file:
            text = file.read().replace(daemon.folder, home)
        os.unlink(path)
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(text)
    systemd.systemctl("start", "wgproxyd")
    assert systemd.show("ActiveState") == "active"
    assert systemd.show("StatusText") == "1 of 1 forwards, tunnel lab idle"
    assert systemd.show("NFileDescriptorStore") == "4"
    log = systemd.outer.log()
    port = listening_port(lab)
    echo(lab, port)
    until(lambda: systemd.show("StatusText") ==
          "1 of 1 forwards, tunnel lab up", 10, "the status follows", 0.2)

    for how in ("restart", "kill"):
        before = systemd.main_pid()
        if how == "restart":
            systemd.systemctl("restart", "wgproxyd")
        else:
            systemd.kill("KILL")
        # Nobody is refused, however early.
        echo(lab, port)
        echo(lab, port, "::1")
        assert systemd.main_pid() != before, log
        assert systemd.show("NFileDescriptorStore") == "4"
    assert systemd.show("NRestarts") == "1"

    systemd.systemctl("reload", "wgproxyd")
    echo(lab, port)
    systemd.systemctl("stop", "wgproxyd")
    assert systemd.show("Result") == "success"
    for host in ("127.0.0.1", "::1"):
        with pytest.raises(ConnectionRefusedError):
            lab.near.connect(host, port)


def listening_port(lab):
    for line in lab.near.run(["ss", "-Hltnp"]).stdout.splitlines():
        if "wgproxyd" in line and "127.0.0.1:" in line:
            return int(line.split("127.0.0.1:")[1].split()[0])
    raise AssertionError("wgproxyd does not listen")


def echo(lab, port, host="127.0.0.1"):
    with lab.near.connect(host, port, 20) as sock:
        sock.sendall(b"hello")
        assert receive_exactly(sock, 5) == b"hello"
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
