# SPDX-License-Identifier: ISC
"""make bench: the first figures of wgproxyd, beside a TUN in the same run.

    sudo env WGPROXYD=build/wgproxyd /usr/bin/python3 bench/first.py [SECONDS]

The far end is Debian's wireguard-go with Linux TCP, or the newest one when
build/peers has it. "tun" is the same wireguard-go at the near end, which
needs root. Absolute figures belong to the machine; compare within a run.
"""

import json
import os
import shutil
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "test/e2e"))

from lab import netns  # noqa: E402
from lab.lab import APP4, APP6, Lab, all_services  # noqa: E402
from lab.process import Process, as_root  # noqa: E402
from lab.wireguard import Tun, implementation  # noqa: E402

IPERF_PORT = 5201
TICKS = os.sysconf("SC_CLK_TCK")


# ------------------------------------------------------------------ processes

def cpu_seconds(pid):
    """User and system time of a process and its threads."""
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
    return 0


def switches(pid):
    """Voluntary context switches of all its threads: times it woke up."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread)) as file:
            total += sum(int(line.split()[1]) for line in file
                         if line.startswith("voluntary_ctxt_switches"))
    return total


# --------------------------------------------------------------- measurements

def iperf(lab, host, port, seconds, *options):
    """Gbit/s received, and GB."""
    done = lab.near.run(["iperf3", "-J", "-c", host, "-p", str(port), "-t",
                         str(seconds), *options], timeout=seconds + 60)
    result = json.loads(done.stdout[done.stdout.index("{"):])
    if "error" in result:
        raise SystemExit("iperf3: " + result["error"])
    received = result["end"]["sum_received"]
    return received["bits_per_second"] / 1e9, received["bytes"] / 1e9


def transfer(lab, name, near_pid, host, port, seconds):
    """One line per way: speed, and what it cost each end."""
    for way, options in (("down", ["-R"]), ("up", []),
                         ("down x8", ["-R", "-P", "8"]),
                         ("up x8", ["-P", "8"])):
        far_pid = lab.peer.process.pid
        before = cpu_seconds(near_pid), cpu_seconds(far_pid)
        gbits, gb = iperf(lab, host, port, seconds, *options)
        near = (cpu_seconds(near_pid) - before[0]) / gb
        far = (cpu_seconds(far_pid) - before[1]) / gb
        print("%-10s %-8s %8.2f %14.2f %13.2f %10.1f" % (
            name, way, gbits, near, far, resident_mb(near_pid)), flush=True)


def idle(daemon, seconds):
    pid = daemon.process.pid
    before = switches(pid), cpu_seconds(pid)
    time.sleep(seconds)
    print("idle: %.1f MB resident, %.2f wake-ups/s, %.3f CPU-s in %d s" % (
        resident_mb(pid), (switches(pid) - before[0]) / seconds,
        cpu_seconds(pid) - before[1], seconds), flush=True)


def connections(daemon, count):
    """Memory of a connection after one byte each way, and the rate."""
    pid = daemon.process.pid
    before = resident_mb(pid)
    start = time.monotonic()
    socks = []
    for _ in range(count):
        sock = daemon.connect("echo6")
        sock.sendall(b"x")
        assert sock.recv(1) == b"x"
        socks.append(sock)
    rate = count / (time.monotonic() - start)
    print("connections: %.0f/s one after the other, %.1f KB each while open"
          % (rate, (resident_mb(pid) - before) * 1000 / count), flush=True)
    for sock in socks:
        sock.close()


# ----------------------------------------------------------------------- main

def near_tun(lab, kind):
    identity = lab.identity()
    tun = Tun(lab.near, "wn" + lab.id, identity.keys, lab.folder, kind)
    lab.exits.callback(tun.close)
    tun.addresses = [identity.four + "/16", identity.six + "/120"]
    tun.routes = ["fdaa:0:18::/48"]
    tun.add_peer(lab.peer.keys.public, ["10.18.0.0/16", "fdaa:0:18::/48"],
                 lab.endpoint())
    tun.start()
    return tun


def measure(seconds):
    newest = "wireguard-go-newest"
    kind = newest if implementation(newest) else "wireguard-go"
    print("far end: %s; %d s each; inner IPv6 over outer IPv4" % (
        kind, seconds))
    with Lab(kind) as lab:
        server = Process("iperf3", lab.far.command(as_root(
            ["iperf3", "-s", "-p", str(IPERF_PORT)])),
            os.path.join(lab.folder, "iperf3.log"))
        lab.exits.callback(server.stop)
        forwards = all_services(APP4, APP6)
        forwards["iperf"] = "[%s]:%d" % (APP6, IPERF_PORT)
        with lab.daemon(forwards, nofile=4096) as daemon:
            idle(daemon, 10)
            connections(daemon, 500)
            print("%-10s %-8s %8s %14s %13s %10s" % (
                "near end", "way", "Gbit/s", "near CPU-s/GB",
                "far CPU-s/GB", "near MB"))
            transfer(lab, "wgproxyd", daemon.process.pid, "127.0.0.1",
                     daemon.ports["iperf"], seconds)
        tun = near_tun(lab, kind)
        transfer(lab, "tun", tun.process.pid, APP6, IPERF_PORT, seconds)


def main(argv):
    reason = netns.unavailable()
    if reason is not None or shutil.which("iperf3") is None:
        print("skipped: %s" % (reason or "iperf3 is not installed"))
        return 77
    measure(int(argv[1]) if len(argv) > 1 else 5)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
