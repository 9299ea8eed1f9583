# SPDX-License-Identifier: ISC
"""make bench: wgproxyd and what it competes with, in one run.

    make bench BENCH_ARGS="--runs 5 --seconds 3 --rows throughput,pgbench"

Every row is measured with every near end in turn, then all over again: what
else the machine does meets all of them alike. A figure is the median with the
least and the greatest. bench/README.md tells what the rows mean.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "test/e2e"))
sys.path.insert(0, os.path.join(TOP, "bench"))

import ends as ends_of  # noqa: E402
from ends import BUILD, DESCRIPTORS, SERVICES  # noqa: E402
from lab import netns  # noqa: E402
from lab.gateway import GATEWAY4, Gateway  # noqa: E402
from lab.lab import APP4, OUTER, Lab  # noqa: E402
from lab.postgres import program  # noqa: E402
from lab.process import LabError, Process, as_root  # noqa: E402
from lab.wireguard import implementation  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
LOAD = os.path.join(BUILD, "bench/load")
FLOOR = os.path.join(BUILD, "bench/floor")
# What one end cannot do in any bearable time.
SKIPPED = {("onetun", 8), ("onetun", 64)}


# ------------------------------------------------------------------ processes

def cpu_seconds(pid):
    """User and system time of a process and its threads."""
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kb(pid):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def wakeups(pid):
    """Voluntary context switches of all its threads."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread)) as file:
            total += sum(int(line.split()[1]) for line in file
                         if line.startswith("voluntary_ctxt_switches"))
    return total


# --------------------------------------------------------------- measurements
# Each takes an end and gives pairs of a row's name and a figure.

def throughput(end, options):
    for flows in options.flows:
        if (end.name, flows) in SKIPPED:
            continue
        for way in ("down", "up"):
            name = "%s, %d flow%s" % (way, flows, "s" * (flows > 1))
            before = cpu_seconds(end.pid)
            gbits, gb = iperf(end, way, flows, options.seconds)
            yield name + ", Gbit/s", gbits
            if gb > 0.01:
                yield name + ", CPU-s/GB", (cpu_seconds(end.pid) -
                                            before) / gb


def iperf(end, way, flows, seconds):
    host, port = end.place("iperf")
    argv = ["iperf3", "-J", "-c", host, "-p", str(port), "-t", str(seconds),
            "-P", str(flows)] + (["-R"] if way == "down" else [])
    # A server of its own: one that a client left hanging serves nobody.
    server = Process("iperf3", end.lab.far.command(as_root(
        ["iperf3", "-s", "-1", "--forceflush", "-p",
         str(SERVICES["iperf"])])),
        os.path.join(end.lab.folder, "iperf3.log"))
    try:
        server.wait_for_log("listening")
        done = end.lab.near.run(argv, timeout=seconds + 20, check=False)
    finally:
        server.stop(signal.SIGKILL)
    result = json.loads(done.stdout[done.stdout.index("{"):])
    if "error" in result:
        raise LabError("iperf3: " + result["error"])
    received = result["end"]["sum_received"]
    return received["bits_per_second"] / 1e9, received["bytes"] / 1e9


def pgbench(end, options):
    for name, args in (("pgbench -S, 1 client, tps", ["-c", "1"]),
                       ("pgbench -S, 8 clients, tps", ["-c", "8"]),
                       ("pgbench -S -C, tps", ["-c", "1", "-C"])):
        host, port = end.place("pg")
        mode = "simple" if "-C" in args else "prepared"
        done = end.lab.near.run(
            [program("pgbench"), "-h", host, "-p", str(port), "-U",
             "postgres", "-S", "-n", "-M", mode, "-T", str(options.seconds)]
            + args + ["postgres"], timeout=options.seconds + 30)
        line = [line for line in done.stdout.splitlines() if "tps" in line]
        yield name, float(line[-1].split("=")[1].split()[0])


def connects(end, options):
    host, port = end.place("echo")
    slow = end.name == "onetun"
    for name, count, parallel in (
            ("connects one by one, per s", 50 if slow else 500, 1),
            ("connects, 32 at a time, per s", 200 if slow else 4000, 32)):
        done = end.lab.near.run([LOAD, "connects", host, str(port),
                                 str(count), str(parallel)], timeout=60)
        yield name, json.loads(done.stdout)["per_s"]


def memory(end, options):
    """After the traffic of the rows before, and what connections add."""
    host, port = end.place("echo")
    yield "resident after traffic, MB", resident_kb(end.pid) / 1000
    if end.name == "tun":
        return
    before = resident_kb(end.pid)
    child = subprocess.Popen(
        end.lab.near.command([LOAD, "hold", host, str(port),
                              str(options.held)]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if child.stdout.readline() != "open\n":
        child.communicate()
        raise LabError("not all connections came up")
    time.sleep(1)
    yield "a held connection, KB", (resident_kb(end.pid) - before) / \
        options.held
    child.communicate()
    time.sleep(1)


def idle(end, options):
    """A fresh end that has nothing to do."""
    time.sleep(3)
    before = wakeups(end.pid)
    time.sleep(options.idle)
    yield "idle: resident, MB", resident_kb(end.pid) / 1000
    yield "idle: wake-ups per s", (wakeups(end.pid) - before) / options.idle


MEASURES = {"idle": idle, "throughput": throughput, "pgbench": pgbench,
            "connects": connects, "memory": memory}


def floor(lab, options):
    """What sealing and moving bytes costs alone."""
    for way, near, far in (
            ("up", ["up", OUTER["far4"]], ["drain"]),
            ("down", ["down"], ["blast", OUTER["near4"]])):
        far_argv = [FLOOR] + far + ["19000", str(options.seconds + 1)]
        near_argv = [FLOOR] + near + ["19000", str(options.seconds)]
        other = subprocess.Popen(lab.far.command(far_argv),
                                 stdout=subprocess.DEVNULL)
        result = json.loads(lab.near.run(near_argv).stdout)
        other.wait()
        name = way + ", 1 flow"
        yield name + ", Gbit/s", result["bytes"] * 8e-9 / result["seconds"]
        yield name + ", CPU-s/GB", result["cpu_s"] / result["bytes"] * 1e9


# ----------------------------------------------------------------------- runs

class Table:
    def __init__(self):
        self.rows = {}  # name to {end: [figures]}

    def add(self, end, pairs):
        try:
            for row, figure in pairs:
                self.rows.setdefault(row, {}).setdefault(end, []).append(
                    figure)
        except (LabError, ValueError, KeyError, OSError,
                subprocess.SubprocessError) as error:
            print("  %s: %s" % (end, str(error).splitlines()[0][:150]),
                  flush=True)

    def columns(self):
        found = []
        for row in self.rows.values():
            found += [end for end in row if end not in found]
        return found

    def show(self):
        columns = self.columns()
        print("%-30s" % "" + "".join("%22s" % c for c in columns))
        for name, row in self.rows.items():
            print("%-30s" % name + "".join(
                "%22s" % spread(row.get(c)) for c in columns), flush=True)

    def document(self):
        return {row: {end: {"median": statistics.median(figures),
                            "min": min(figures), "max": max(figures),
                            "runs": figures}
                      for end, figures in ends.items()}
                for row, ends in self.rows.items()}


def digits(figure):
    return "%.0f" % figure if figure >= 100 else "%.3g" % figure


def spread(figures):
    if not figures:
        return "-"
    if len(figures) == 1:
        return digits(figures[0])
    return "%s (%s..%s)" % (digits(statistics.median(figures)),
                            digits(min(figures)), digits(max(figures)))


def measure(table, ends, options):
    for end in ends:
        print("  " + end.name, flush=True)
        try:
            end.start()
        except (LabError, OSError) as error:
            print("  %s does not start: %s" % (end.name, error))
            continue
        try:
            for name in options.rows:
                table.add(end.name, MEASURES[name](end, options))
        finally:
            end.stop()


def start_services(lab):
    server = Process("echo", lab.far.command(as_root(
        [LOAD, "echo", APP4, str(SERVICES["echo"])])),
        os.path.join(lab.folder, "echo.log"))
    lab.exits.callback(server.stop)
    lab.far.run([program("pgbench"), "-h", APP4, "-U", "postgres", "-i", "-q",
                 "postgres"])


def foreign_far_end(lab, kind, options):
    """wireguard-go as everybody's far end."""
    table = Table()
    peer = ends_of.Peer(lab)
    for number in range(options.runs):
        print("run %d of %d, far end %s" % (number + 1, options.runs, kind),
              flush=True)
        if os.access(FLOOR, os.X_OK) and "throughput" in options.rows:
            table.add("floor", floor(lab, options))
        measure(table, ends_of.available(peer, kind), options)
    return table


def our_far_end(lab, options):
    """A gateway of ours as the far end: then it is not what limits."""
    table = Table()
    exposes = [{"listen": port, "to": "%s:%d" % (APP4, port), "name": name}
               for name, port in SERVICES.items()]
    with Gateway(lab, exposes, clients=4 * options.runs,
                 nofile=DESCRIPTORS) as gateway:
        peer = ends_of.OurPeer(lab, gateway, GATEWAY4)
        for number in range(options.runs):
            print("run %d of %d, far end wgproxyd" % (number + 1,
                                                      options.runs),
                  flush=True)
            ends = [ends_of.Ours(peer)]
            if os.access(ends_of.Engine.program, os.X_OK):
                ends.append(ends_of.Engine(peer))
            measure(table, ends, options)
    return table


def direct(lab, options):
    """Over veth, without any tunnel, for pgbench."""
    table = Table()
    if "pgbench" not in options.rows:
        return table
    end = type("Direct", (), {"name": "direct", "lab": lab,
                              "place": lambda self, _: (APP4, 5432)})()
    lab.near.ip("route", "replace", APP4, "via", OUTER["far4"])
    for _ in range(options.runs):
        table.add("direct", pgbench(end, options))
    lab.near.ip("route", "del", APP4)
    return table


def arguments(argv):
    parser = argparse.ArgumentParser(description="see bench/README.md")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=5)
    parser.add_argument("--held", type=int, default=1000)
    parser.add_argument("--flows", default="1,8,64")
    parser.add_argument("--rows", default=",".join(MEASURES))
    parser.add_argument("--far", default="both",
                        choices=["foreign", "ours", "both"])
    parser.add_argument("--json", default=os.path.join(
        BUILD, "bench/table.json"))
    options = parser.parse_args(argv)
    options.flows = [int(n) for n in options.flows.split(",")]
    options.rows = options.rows.split(",")
    return options


def main(argv):
    options = arguments(argv)
    reason = netns.unavailable()
    if reason is not None:
        print("skipped: " + reason)
        return 77
    newest = "wireguard-go-newest"
    kind = newest if implementation(newest) else "wireguard-go"
    tables = {}
    with Lab(kind, postgres=True) as lab:
        start_services(lab)
        if options.far != "ours":
            tables["far end wireguard-go"] = foreign_far_end(lab, kind,
                                                             options)
        if options.far != "foreign":
            tables["far end wgproxyd"] = our_far_end(lab, options)
        tables["no tunnel"] = direct(lab, options)
    for title, table in tables.items():
        print("\n%s; median (least..greatest) of %d runs" % (title,
                                                             options.runs))
        table.show()
    with open(options.json, "w") as file:
        json.dump({title: table.document()
                   for title, table in tables.items()}, file, indent=1)
    print("\nwritten: " + options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
