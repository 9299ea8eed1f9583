# SPDX-License-Identifier: ISC
"""The process: its rights, its listeners, how it starts and how it ends."""

import os
import signal
import socket
import subprocess
import time

import pytest

from lab import clients, stream
from lab.daemon import USER
from lab.lab import APP6
from lab.process import LabError, as_user, until

ECHO = {"echo": (APP6, "echo")}


def status_of(daemon):
    with open("/proc/%d/status" % daemon.process.pid) as file:
        return dict(line.rstrip("\n").split(":\t", 1)
                    for line in file if ":\t" in line)


def test_no_rights(lab):
    with lab.daemon(ECHO) as daemon:
        status = status_of(daemon)
        assert status["Uid"].split() == ["65534"] * 4
        assert status["Groups"].strip() == ""
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[kind], 16) == 0, kind
        assert status["NoNewPrivs"] == "1"
        proc = "/proc/%d/" % daemon.process.pid
        assert os.stat(os.readlink(proc + "cwd")).st_mode & 0o777 == 0o555
        with open(proc + "limits") as file:
            limits = [line.split() for line in file
                      if line.startswith("Max open files")]
        assert limits[0][3:5] == ["256", "256"]
        clients.echoes(daemon, "echo")
    assert os.listdir(daemon.cwd) == []


def test_listens_on_both_loopbacks_only(lab):
    with lab.daemon(ECHO) as daemon:
        port = daemon.ports["echo"]
        for host in ("127.0.0.1", "::1"):
            clients.echoes(daemon, "echo", host=host)
        for host in ("192.0.2.1", "2001:db8::1"):
            with pytest.raises(ConnectionRefusedError):
                lab.near.connect(host, port)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("clients_open", [0, 3])
def test_stop(lab, sig, clients_open):
    with lab.daemon(ECHO) as daemon:
        socks = [daemon.connect("echo") for _ in range(clients_open)]
        for sock in socks:
            sock.sendall(b"hello")
            assert sock.recv(5) == b"hello"
        code, seconds = daemon.stop(sig)
        assert code == 0, daemon.process.log()
        assert seconds < 5
        for sock in socks:
            with pytest.raises(ConnectionResetError):
                assert sock.recv(1) == b"", "data from nowhere"
                raise AssertionError("a cut stream looks complete")
            sock.close()
        assert len(daemon.events(reason="shutdown")) == clients_open
        for host in ("127.0.0.1", "::1"):
            with pytest.raises(ConnectionRefusedError):
                daemon.connect("echo", host)


def test_stop_before_the_tunnel_is_up(lab):
    tunnel = lab.tunnel(endpoint="192.0.2.2:9")
    with lab.daemon(ECHO, tunnel) as daemon:
        with daemon.connect("echo"):
            time.sleep(0.5)
            code, seconds = daemon.stop()
            assert (code, seconds < 5) == (0, True)


def test_second_signal_does_not_wait(lab):
    with lab.daemon(ECHO) as daemon:
        with daemon.connect("echo") as sock:
            sock.sendall(b"hello")
            assert sock.recv(5) == b"hello"
            start = time.monotonic()
            os.kill(daemon.process.pid, signal.SIGTERM)
            daemon.wait_event("stopping")
            code, _ = daemon.stop(signal.SIGINT)
            assert code == 0
            assert time.monotonic() - start < 1


def test_stop_lets_a_transfer_end(lab):
    """What ends by itself within the grace time is not cut."""
    with lab.daemon({"source": (APP6, "source")}) as daemon:
        size = 4 * stream.MIB
        with daemon.connect("source") as sock:
            sock.sendall(b"1 %d\n" % size)
            first = stream.receive_exactly(sock, 1000)
            os.kill(daemon.process.pid, signal.SIGTERM)
            sock.shutdown(socket.SHUT_WR)
            rest, _ = stream.receive(sock)
            assert len(first) + rest == size
        until(lambda: not daemon.process.running(), 5, "it ends")
        assert daemon.process.child.returncode == 0


def test_taken_port(lab):
    """Others work, this one is tried again; --strict ends at once."""
    with lab.near.socket(socket.AF_INET) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        forwards = dict(ECHO, taken={"to": "appname.internal:7001",
                                     "listen": port})
        strict = lab.daemon(forwards, arguments=["--strict"])
        with pytest.raises(LabError, match="ended with 69"):
            strict.start()
        patient = lab.daemon(forwards)
        with pytest.raises(LabError, match="every forward listens"):
            patient.start(1)
        try:
            event = patient.wait_event("listen_failed", forward="taken")
            assert str(port) in event["local"] and event["text"]
            clients.echoes(patient, "echo")
            # Neither half of localhost may be there without the other.
            with pytest.raises(ConnectionRefusedError):
                lab.near.connect("::1", port)
            taken.close()
            patient.wait_event("listening", 30, forward="taken")
            patient.wait_listening(1)
            clients.echoes(patient, "taken", host="::1")
        finally:
            assert patient.stop()[0] == 0


def test_too_many_clients_for_the_descriptors(lab):
    """It neither dies nor spins, and serves again afterwards."""
    with lab.daemon(ECHO, nofile=64) as daemon:
        socks = []
        for _ in range(100):
            sock = daemon.connect("echo")
            socks.append(sock)
        time.sleep(1)
        before = cpu_seconds(daemon)
        time.sleep(1)
        assert cpu_seconds(daemon) - before < 0.2
        for sock in socks:
            sock.close()
        until(lambda: works(daemon), 10, "it serves again")


def works(daemon):
    try:
        clients.echoes(daemon, "echo", seconds=2)
        return True
    except (OSError, EOFError):
        return False


def test_kill_and_start_again(lab):
    """Clients see a reset at once, and the next start works at once."""
    with lab.daemon(ECHO) as daemon:
        with daemon.connect("echo") as sock:
            sock.sendall(b"hello")
            assert sock.recv(5) == b"hello"
            daemon.process.stop(signal.SIGKILL)
            with pytest.raises(ConnectionResetError):
                assert sock.recv(1) != b"", "a cut stream looks complete"
        daemon.start()
        start = time.monotonic()
        clients.echoes(daemon, "echo")
        assert time.monotonic() - start < 2


def test_idle(lab):
    """No busy waiting, with and without a connection."""
    with lab.daemon(ECHO) as daemon:
        assert wakeups_per_second(daemon) < 5
        with daemon.connect("echo") as sock:
            sock.sendall(b"hello")
            assert sock.recv(5) == b"hello"
            time.sleep(1)
            assert wakeups_per_second(daemon) < 5


def wakeups_per_second(daemon, seconds=3):
    def switches():
        return int(status_of(daemon)["voluntary_ctxt_switches"])
    before = switches()
    time.sleep(seconds)
    return (switches() - before) / seconds


def cpu_seconds(daemon):
    with open("/proc/%d/stat" % daemon.process.pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_log_that_nobody_reads(lab):
    """A full pipe behind stderr holds nothing up."""
    reader, writer = os.pipe()
    daemon = lab.daemon({"echo": (APP6, "echo")},
                        arguments=["--log-level", "debug"])
    daemon.start()
    ports = dict(daemon.ports)
    daemon.stop()
    fixed = lab.daemon({
        "echo": {"to": "[%s]:7001" % APP6, "listen": ports["echo"]}},
        arguments=["--log-level", "debug"])
    child = start_with_stderr(lab, fixed, writer)
    os.close(writer)
    fixed.ports = ports
    try:
        until(lambda: works(fixed), 10, "it serves")
        for _ in range(1500):
            with fixed.connect("echo") as sock:
                sock.shutdown(1)
                assert sock.recv(1) == b""
        assert works(fixed)
    finally:
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait(5) == 0
        os.close(reader)


def start_with_stderr(lab, daemon, descriptor):
    return subprocess.Popen(
        lab.near.command(as_user(USER, daemon.argv())), cwd=daemon.cwd,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=descriptor, start_new_session=True)
