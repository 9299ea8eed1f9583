# SPDX-License-Identifier: ISC
"""make bench-paths: one stream over long and lossy paths, beside Linux TCP.

    sudo env WGPROXYD=build/wgproxyd /usr/bin/python3 bench/paths.py \\
        [SECONDS [RUNS [PATH...]]]

The paths are made by test/e2e/impair.c between the near end and the far one:
the newest wireguard-go when build/peers has it, else Debian's, whose short
socket buffer loses packets of its own, with Linux TCP. "tun" is the same
wireguard-go at the near end. In a download Linux sends and the near end only
acknowledges. What sends is named in the third column; the two ends take turns,
so that a busy machine Linux may have as much memory for a socket as
we take.

The path "shared" is another thing: one upload of each end at once through one
link, Linux with CUBIC, and the share of ours in terms of Linux'. Beside it, for
what two streams of CUBIC make of each other by chance: the second of two
streams of Linux in terms of the first.
"""

import concurrent.futures
import json
import os
import shutil
import statistics
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "test/e2e"))

from lab import netns  # noqa: E402
from lab.impair import Impair  # noqa: E402
from lab.lab import APP6, OUTER, Lab, endpoint  # noqa: E402
from lab.process import LabError, Process, as_root  # noqa: E402
from lab.wireguard import Tun, implementation  # noqa: E402

IPERF_PORT = 5201
MBIT = 200
PATHS = {
    "far": (100, {}),
    "lossy-far": (66, {"loss_ppm": 1000, "reorder_ppm": 10000}),
    "lossy-near": (20, {"loss_ppm": 10000}),
}
LINUX = ["cubic", "bbr"]
SHARED = {"delay_us": 20000, "rate_mbps": 100, "queue_kib": 488}
SETTLE = 15  # seconds that do not count: who comes later takes long to rise


def impairments(path):
    """Settings of the relay: a queue of one bandwidth-delay product."""
    rtt_ms, faults = PATHS[path]
    settings = {"delay_us": rtt_ms * 500, "rate_mbps": MBIT,
                "queue_kib": MBIT * rtt_ms * 125 // 1024}
    settings.update(faults)
    return settings


class Near:
    """One near end: who, where its server seems to be, and its relay."""

    def __init__(self, name, host, port, relay):
        self.name = name
        self.host = host
        self.port = port
        self.relay = relay


def sysctl(namespace, **values):
    for key, value in values.items():
        namespace.run(["sysctl", "-qw", "net.ipv4.%s=%s" % (key, value)])


def iperf(lab, near, way, control, seconds, settle=0):
    """Mbit/s that arrived."""
    time.sleep(1)  # the server has done with the one before
    argv = ["iperf3", "-J", "-c", near.host, "-p", str(near.port), "-C",
            control, "-t", str(seconds), "-O", str(settle)]
    done = lab.near.run(argv + ["-R"] * (way == "down"), timeout=seconds + 60)
    result = json.loads(done.stdout[done.stdout.index("{"):])
    if "error" in result:
        raise LabError("iperf3: " + result["error"])
    if result["end"]["sender_tcp_congestion"] != control:
        raise LabError("iperf3 sends with another congestion control")
    return result["end"]["sum_received"]["bits_per_second"] / 1e6


def cases(nears):
    """(way, what sends, Linux' congestion control, near end)."""
    for near in nears:
        if near.name == "wgproxyd":
            yield "up", "wgproxyd", LINUX[0], near
        else:
            for control in LINUX:
                yield "up", control, control, near
    for control in LINUX:
        for near in nears:
            yield "down", control, control, near


def measure_path(lab, nears, path, seconds, runs):
    figures = {}
    for near in nears:
        near.relay.change(**impairments(path))
    for _ in range(runs):
        for way, sender, control, near in cases(nears):
            figures.setdefault((way, sender, near.name), []).append(
                iperf(lab, near, way, control, seconds))
    for (way, sender, name), values in figures.items():
        print("%-11s %-5s %-9s %-9s %7.1f %7.1f %7.1f" % (
            path, way, sender, name, min(values), statistics.median(values),
            max(values)), flush=True)


def at_once(lab, order, seconds):
    """Mbit/s of each near end, which begin one after the other."""
    with concurrent.futures.ThreadPoolExecutor(len(order)) as pool:
        futures = []
        for near in order:
            futures.append(pool.submit(iperf, lab, near, "up", LINUX[0],
                                       seconds, SETTLE))
            time.sleep(1)
        return [future.result() for future in futures]


def measure_shared(lab, nears, seconds, runs):
    """Each is the first to come in turn, and as often: whoever is keeps more
    for long."""
    ours, linux = nears
    other = Near("tun", linux.host, linux.port + 1, linux.relay)
    shares = {}
    for run in range(runs + runs % 2):
        for near in (ours, other):
            order = [near, linux] if run % 2 == 0 else [linux, near]
            rates = dict(zip(order, at_once(lab, order, seconds)))
            shares.setdefault(near, []).append(rates[near] / rates[linux])
            print("%-11s %-5s %-9s %.1f beside %.1f: %.2f of its share" % (
                "shared", "up", near.name, rates[near], rates[linux],
                shares[near][-1]), flush=True)
    for near, values in shares.items():
        print("%-11s %-5s %-9s %.2f to %.2f, mean %.2f" % (
            "shared", "up", near.name, min(values), max(values),
            statistics.geometric_mean(values)))


def near_daemon(lab, relay):
    tunnel = lab.tunnel(endpoint=relay.endpoint)
    daemon = lab.daemon({"iperf": "[%s]:%d" % (APP6, IPERF_PORT)}, tunnel)
    lab.exits.enter_context(daemon)
    return Near("wgproxyd", "127.0.0.1", daemon.ports["iperf"], relay)


def near_tun(lab, relay):
    identity = lab.identity()
    tun = Tun(lab.near, "wn" + lab.id, identity.keys, lab.folder,
              lab.peer.kind)
    lab.exits.callback(tun.close)
    tun.addresses = [identity.four + "/16", identity.six + "/120"]
    tun.routes = ["fdaa:0:18::/48"]
    tun.add_peer(lab.peer.keys.public, ["10.18.0.0/16", "fdaa:0:18::/48"],
                 relay.endpoint)
    tun.start()
    return Near("tun", APP6, IPERF_PORT + 1, relay)


def hurry(process):
    """A relay that waits for the processor would lose more than it is told."""
    for thread in os.listdir("/proc/%d/task" % process.pid):
        os.setpriority(os.PRIO_PROCESS, int(thread), -15)


def make_relay(lab, port, **settings):
    relay = Impair(lab.far, lab.folder, (OUTER["far4"], port),
                   (OUTER["far4"], lab.peer.port), **settings)
    lab.exits.callback(relay.close)
    hurry(relay.process)
    relay.endpoint = endpoint(*relay.listen)
    return relay


def make_servers(lab):
    for port in range(IPERF_PORT, IPERF_PORT + 3):
        server = Process("iperf3", lab.far.command(as_root(
            ["iperf3", "-s", "-p", str(port)])),
            os.path.join(lab.folder, "iperf3-%d.log" % port))
        lab.exits.callback(server.stop)


def measure(seconds, runs, paths):
    newest = "wireguard-go-newest"
    with Lab(newest if implementation(newest) else "wireguard-go") as lab:
        hurry(lab.peer.process)
        make_servers(lab)
        for end in (lab.near, lab.far):
            sysctl(end, tcp_rmem="4096 131072 16777216",
                   tcp_wmem="4096 65536 16777216")
        if paths == ["shared"]:
            relays = [make_relay(lab, 51823, clients=2, **SHARED)] * 2
        else:
            relays = [make_relay(lab, 51821), make_relay(lab, 51822)]
        nears = [near_daemon(lab, relays[0]), near_tun(lab, relays[1])]
        print("%s; %d runs of %d s" % (lab.peer.kind, runs, seconds))
        if paths == ["shared"]:
            measure_shared(lab, nears, seconds, runs)
            return
        print("%d Mbit/s outside the tunnel" % MBIT)
        print("%-11s %-5s %-9s %-9s %7s %7s %7s" % (
            "path", "way", "sender", "near end", "min", "median", "max"))
        for path in paths:
            measure_path(lab, nears, path, seconds, runs)


def main(argv):
    reason = netns.unavailable()
    if reason is not None or shutil.which("iperf3") is None:
        print("skipped: %s" % (reason or "iperf3 is not installed"))
        return 77
    numbers = [int(text) for text in argv[1:3]]
    numbers += [10, 3][len(numbers):]
    if argv[3:] != ["shared"]:
        measure(*numbers, argv[3:] or list(PATHS))
    if argv[3:] in ([], ["shared"]):
        measure(2 * numbers[0], numbers[1], ["shared"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
