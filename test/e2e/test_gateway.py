# SPDX-License-Identifier: ISC
"""A gateway of ours under load, with foreign clients, and away for a while."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from lab import clients, stream
from lab.gateway import GATEWAY4, GATEWAY6, NET6, Gateway, service_exposes
from lab.lab import APP4, OUTER
from lab.postgres import program
from lab.process import Process, as_root, run, until
from lab.wireguard import PEERS, TOP, implementation

PG = {"listen": 5432, "to": APP4 + ":5432", "name": "pg"}
SWARM = os.environ.get("SWARM", os.path.join(TOP, "build/test/swarm_clients"))


def pgbench(lab, port, *args):
    return lab.near.run([program("pgbench"), "-h", "localhost", "-p",
                         str(port), "-U", "postgres"] + list(args)
                        + ["postgres"], timeout=120).stdout


@pytest.fixture
def gateway(lab):
    with Gateway(lab, [PG] + service_exposes("echo", "sink", "source"),
                 nofile=1024) as gateway:
        yield gateway


@pytest.fixture
def daemon(lab, gateway):
    with lab.daemon({"pg": "[%s]:5432" % GATEWAY6,
                     "echo": "[%s]:7001" % GATEWAY6,
                     "source": "[%s]:7002" % GATEWAY6,
                     "sink": "[%s]:7003" % GATEWAY6},
                    gateway.client_tunnel(0), nofile=1024) as daemon:
        yield daemon


# ------------------------------------------------------------- load

def test_pgbench_200_clients(lab, daemon, gateway):
    port = daemon.ports["pg"]
    pgbench(lab, port, "-i", "-q")
    out = pgbench(lab, port, "-S", "-n", "-c", "200", "-j", "2", "-T", "5")
    assert "number of failed transactions: 0 " in out
    assert float(re.search(r"tps = ([\d.]+)", out)[1]) > 100
    out = pgbench(lab, port, "-S", "-n", "-C", "-c", "8", "-T", "3")
    assert "number of failed transactions: 0 " in out
    assert not gateway.events("conn_refused")


def test_a_gibibyte_each_way(daemon, full):
    size = 1024 * stream.MIB if full else 128 * stream.MIB
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for copy in [pool.submit(clients.upload, daemon, "sink", size),
                     pool.submit(clients.download, daemon, "source", size)]:
            copy.result()
    assert daemon.wait_event("conn_closed", forward="sink")["tx"] == str(size)
    assert daemon.wait_event("conn_closed", forward="source")["rx"] == \
        str(size)


def test_many_peers(lab, full):
    """1,000 peers are configured, 200 of them are there at once."""
    if not os.access(SWARM, os.X_OK):
        pytest.skip("make build/test/swarm_clients first")
    lines = run([SWARM, "keys", "1000"]).stdout.splitlines()
    peers = [{"public_key": line.split()[1],
              "allowed_ips": [NET6 + "%x/128" % (i + 2)]}
             for i, line in enumerate(lines)]
    with Gateway(lab, service_exposes("echo"), nofile=1024,
                 tunnel={"peers": peers}) as gateway:
        path = os.path.join(gateway.folder, "clients")
        with open(path, "w") as file:
            file.write("\n".join(lines))
        before = usage(gateway)
        seconds = 20 if full else 6
        out = lab.near.run([SWARM, "run", gateway.keys.public, OUTER["far4"],
                            str(gateway.listen_port), path, "200", "7001",
                            str(seconds)], timeout=60).stdout
        after = usage(gateway)
        result = json.loads(out)
        print(result, "resident %d KiB, then %d KiB; %.2f CPU-s" % (
            before[0], after[0], after[1] - before[1]))
        assert (result["connected"], result["failed"]) == (200, 0)
        # Ten a second each, less what a busy machine takes.
        assert result["echoes"] > 200 * seconds * 2
        assert after[0] < 64 * 1024


def usage(daemon):
    """Resident KiB and CPU seconds so far."""
    folder = "/proc/%d/" % daemon.process.pid
    with open(folder + "statm") as file:
        pages = int(file.read().split()[1])
    with open(folder + "stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    return (pages * os.sysconf("SC_PAGE_SIZE") // 1024,
            ticks / os.sysconf("SC_CLK_TCK"))


# ------------------------------------------------------------- foreign clients

@pytest.mark.parametrize("kind", ["wireguard-go", "wireguard-go-newest",
                                  "boringtun"])
def test_foreign_client(lab, gateway, kind):
    if implementation(kind) is None:
        pytest.skip(kind + " is not here; test/peers.sh builds it when its "
                    "toolchain is")
    guest = gateway.guest(1, kind)
    guest.start()
    try:
        for host in (GATEWAY4, GATEWAY6):
            assert clients.psql(lab, 5432, "-c", "select 6 * 7",
                                host=host) == "42\n"
        with lab.near.connect(GATEWAY6, 7003, 10) as sock:
            stream.send(sock, 5, 32 * stream.MIB)
            sock.shutdown(1)
            assert stream.receive_line(sock).split()[0] == \
                str(32 * stream.MIB)
    finally:
        guest.close()


def test_onetun(lab, gateway):
    """A proxy with a TCP of its own."""
    binary = os.path.join(PEERS, "bin/onetun")
    if not os.access(binary, os.X_OK):
        pytest.skip("onetun is not here; test/peers.sh builds it when its "
                    "toolchain is")
    port = 17001
    process = Process("onetun", as_root(lab.near.command([
        binary, "--private-key", gateway.clients[2].private,
        "--endpoint-public-key", gateway.keys.public,
        "--endpoint-addr", "%s:%d" % (OUTER["far4"], gateway.listen_port),
        "--source-peer-ip", Gateway.client4(2),
        "127.0.0.1:%d:%s:7001" % (port, GATEWAY4)])),
        os.path.join(lab.folder, "onetun.log"))
    try:
        until(lambda: can_echo(lab, port), 10, "onetun reaches the gateway")
        with lab.near.connect("127.0.0.1", port, 10) as sock:
            data = os.urandom(stream.MIB)
            thread = threading.Thread(target=sock.sendall, args=(data,))
            thread.start()
            assert stream.receive_exactly(sock, len(data)) == data
            thread.join()
    finally:
        process.stop()


def can_echo(lab, port):
    try:
        with lab.near.connect("127.0.0.1", port, 3) as sock:
            sock.sendall(b"x")
            return sock.recv(1) == b"x"
    except OSError:
        return False


# ------------------------------------------------------------- away

def echo_once(sock, text):
    sock.sendall(text)
    assert stream.receive_exactly(sock, len(text)) == text


def test_gateway_stops_for_a_while(lab, gateway, daemon, full):
    """Held still under idle and busy connections: nothing is lost."""
    idle = [daemon.connect("echo") for _ in range(200)]
    busy = [daemon.connect("source") for _ in range(20)]
    size = 8 * stream.MIB
    try:
        for sock in idle:
            echo_once(sock, b"before")
        for sock in busy:
            sock.sendall(b"9 %d\n" % size)
        os.kill(gateway.process.pid, signal.SIGSTOP)
        time.sleep(30 if full else 12)
        os.kill(gateway.process.pid, signal.SIGCONT)
        for sock in busy:
            sock.settimeout(60)
            assert stream.receive(sock) == (size, stream.digest(9, size))
        for sock in idle:
            sock.settimeout(30)
            echo_once(sock, b"after")
    finally:
        for sock in idle + busy:
            sock.close()


def test_gateway_is_killed(lab, gateway, daemon):
    """What its end lost is reset, not left hanging; the client daemon's
    ports stay, and work again soon after the gateway is back."""
    idle = [daemon.connect("echo") for _ in range(50)]
    for sock in idle:
        echo_once(sock, b"before")
    gateway.process.stop(signal.SIGKILL)
    time.sleep(3)
    gateway.start()
    clients.echoes_within(daemon, "echo", 15)
    for sock in idle:
        sock.settimeout(30)
        with pytest.raises(ConnectionResetError):
            sock.sendall(b"after")
            if sock.recv(5) == b"":
                raise AssertionError("a cut stream looks complete")
        sock.close()
    assert subprocess.run(["kill", "-0", str(daemon.process.pid)],
                          check=False).returncode == 0
