# SPDX-License-Identifier: ISC
"""Reloads, garbage and limits on the control socket, and traffic that must
not notice."""

import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

from lab import clients, stream
from lab.control import Control, proxyctl
from lab.daemon import write_private
from lab.lab import APP6
from lab.process import until
from lab.wireguard import Keys

HERE = os.path.dirname(os.path.abspath(__file__))


# ------------------------------------------------------------- reload

class Traffic:
    """Words to and fro on one connection until stopped; any fault is kept."""

    def __init__(self, daemon, forward):
        self.sock = daemon.connect(forward)
        self.rounds = 0
        self.fault = None
        self.stopping = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            self.sock.settimeout(10)
            while not self.stopping:
                self.sock.sendall(b"x" * 1000)
                assert stream.receive_exactly(self.sock, 1000) == b"x" * 1000
                self.rounds += 1
        except BaseException as fault:
            self.fault = fault

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.sock.close()
        assert self.fault is None, self.fault
        assert self.rounds > 10


def random_forwards(chooser):
    forwards = {"echo": "[%s]:7001" % APP6}
    for i in range(chooser.randrange(6)):
        forwards["f%d" % i] = {
            "to": chooser.choice(["appname.internal:7001", "[%s]:7001" % APP6,
                                  "three.internal:5432"]),
            "max_connections": chooser.randrange(1, 9)}
    return forwards


def broken(chooser, daemon, taken):
    """Writes a configuration that must be refused; its error's code."""
    kind = chooser.randrange(6)
    with open(daemon.config) as file:
        text = file.read()
    code = "config"
    if kind == 0:
        text = text[:len(text) // 2]
        text += "\n}"
    elif kind == 1:
        text += "nonsense: 1\n"
    elif kind == 2:
        text = text.replace("tunnels:", "tunnel:")
    elif kind == 3:
        text = text.replace("lab.key", "none.key")
    elif kind == 4:
        text += '  - {listen: "127.0.0.1:%d", to: "%s", name: taken}\n' % (
            taken, "[%s]:7001" % APP6)
        code = "port_taken"
    else:
        text += '  - {listen: 0, to: "10.99.0.1:1", name: nowhere}\n'
    write_private(daemon.config, text)
    return code


def test_random_reloads(lab, full):
    """Valid or not, no connection of an unchanged forward is lost."""
    chooser = random.Random(11)
    daemon = lab.daemon({"echo": (APP6, "echo")})
    with daemon, Control(daemon.socket) as control, \
            daemon.namespace.socket(socket.AF_INET) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = daemon.ports["echo"]
        traffic = [Traffic(daemon, "echo") for _ in range(4)]
        for _ in range(1000 if full else 150):
            forwards = random_forwards(chooser)
            daemon.configure(forwards)
            if chooser.random() < 0.4:
                code = broken(chooser, daemon, taken.getsockname()[1])
                error = control.error("reload")
                assert error["code"] == code and error["message"], error
                assert control.result("status")["config_error"]
                continue
            result = control.result("reload")
            assert result["unchanged"] + result["changed"] + \
                result["added"] == len(forwards)
            names = {f["name"] for f in control.result("list")["forwards"]}
            assert names == set(forwards)
            assert "config_error" not in control.result("status")
        for one in traffic:
            one.stop()
        assert control.result("list")["forwards"][0]["port"] == port
        clients.echoes(daemon, "echo")


def test_reload_by_signal(lab):
    with lab.daemon({"echo": (APP6, "echo")}) as daemon:
        daemon.configure({"echo": "[%s]:7001" % APP6,
                          "more": "[%s]:7001" % APP6})
        os.kill(daemon.process.child.pid, signal.SIGHUP)
        daemon.wait_event("reloaded")
        daemon.wait_listening(5)
        clients.echoes(daemon, "more")
        write_private(daemon.config, "nonsense: 1\n")
        os.kill(daemon.process.child.pid, signal.SIGHUP)
        event = daemon.wait_event("reload_failed")
        assert "wgproxyd.yaml:1:1" in event["text"]
        clients.echoes(daemon, "more")


def test_reload_keeps_what_was_added(lab):
    with lab.daemon({"echo": (APP6, "echo")}) as daemon, \
            Control(daemon.socket) as control:
        added = control.result("add", spec="0:[%s]:7001" % APP6, name="mine")
        daemon.ports["mine"] = added["forward"]["port"]
        assert control.result("reload")["unchanged"] == 2
        clients.echoes(daemon, "mine")
        daemon.configure({"mine": "[%s]:7001" % APP6})
        assert "mine" in control.error("reload")["message"]
        clients.echoes(daemon, "mine")
        clients.echoes(daemon, "echo")


def test_swapped_ports(lab):
    """Two forwards change places: nobody is refused in between."""
    daemon = lab.daemon({"a": (APP6, "echo"), "b": (APP6, "source")})
    with daemon:
        ports = dict(daemon.ports)

        def forwards(a, b):
            return {"a": {"to": "[%s]:7001" % APP6, "listen": ports[a]},
                    "b": {"to": "[%s]:7002" % APP6, "listen": ports[b]}}
        with Control(daemon.socket) as control:
            daemon.configure(forwards("a", "b"))
            control.result("reload")
            clients.echoes(daemon, "a")
            daemon.configure(forwards("b", "a"))
            assert control.result("reload")["changed"] == 2
            daemon.ports.update(a=ports["b"], b=ports["a"])
            clients.echoes(daemon, "a")
            clients.download(daemon, "b", 10000)


def test_another_tunnel(lab):
    """A tunnel comes and goes; the first does not notice. One whose addresses
    change is replaced."""
    other = lab.tunnel()
    with lab.daemon({"echo": (APP6, "echo")}) as daemon, \
            Control(daemon.socket) as control:
        traffic = Traffic(daemon, "echo")
        daemon.settings["more_tunnels"] = {"other": other}
        daemon.configure({
            "echo": {"to": "[%s]:7001" % APP6, "tunnel": "lab"},
            "second": {"to": "[%s]:7001" % APP6, "tunnel": "other"}})
        result = control.result("reload")
        assert result["tunnels_added"] == 1
        daemon.wait_listening(5)
        clients.echoes(daemon, "second")
        with daemon.connect("second") as sock:
            sock.sendall(b"hello")
            assert stream.receive_exactly(sock, 5) == b"hello"
            daemon.settings["more_tunnels"] = {}
            daemon.configure({"echo": "[%s]:7001" % APP6})
            assert control.result("reload")["tunnels_removed"] == 1
            sock.sendall(b"hello")  # what is open ends by itself
            assert stream.receive_exactly(sock, 5) == b"hello"
        daemon.wait_event("tunnel_closed", 15)
        traffic.stop()
        clients.echoes(daemon, "echo")


def test_tunnel_changes_in_place(lab):
    """Peers, keepalive and name servers change; connections go on. So they do
    when our own key changes and the peer knows the new one."""
    with lab.daemon({"echo": (APP6, "echo")}) as daemon, \
            Control(daemon.socket) as control:
        traffic = Traffic(daemon, "echo")
        peers = daemon.tunnel["peers"]
        peers[0]["persistent_keepalive"] = 15
        peers.append({"public_key": Keys().public, "allowed_ips":
                      ["10.77.0.0/16"], "endpoint": "nothing.invalid:1"})
        daemon.tunnel["search"] = ["internal"]
        daemon.configure(daemon.forwards)
        result = control.result("reload")
        assert result["tunnels_changed"] == 1 and result["unchanged"] == 1
        assert len(control.result("peers")["peers"]) == 2
        assert control.result("resolve", name="appname")["addresses"] == [APP6]
        del peers[1]
        daemon.configure(daemon.forwards)
        assert control.result("reload")["tunnels_changed"] == 1
        assert len(control.result("peers")["peers"]) == 1
        keys = Keys()
        lab.peer.add_peer(keys.public, [a.split("/")[0] + bits for a, bits in
                          zip(daemon.tunnel["address"], ("/32", "/128"))])
        daemon.tunnel["private_key"] = keys.private
        daemon.configure(daemon.forwards)
        rounds = traffic.rounds
        assert control.result("reload")["tunnels_changed"] == 1
        until(lambda: traffic.rounds > rounds + 20, 10, "it goes on")
        traffic.stop()
        assert control.result("status")["tunnels"][0][
            "public_key"] == keys.public


def test_two_tunnels_at_once(lab):
    """Bytes of one tunnel do not get into the other."""
    daemon = lab.daemon(
        {name: {"to": "[%s]:7002" % APP6, "tunnel": name}
         for name in ("lab", "other")}, more_tunnels={"other": lab.tunnel()})
    with daemon:
        faults = []

        def load(name, seed):
            try:
                clients.download(daemon, name, 48 * stream.MIB, seed)
            except BaseException as fault:
                faults.append(fault)
        threads = [threading.Thread(target=load, args=(name, seed))
                   for seed, name in enumerate(("lab", "other", "lab"), 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults, faults


# ------------------------------------------------------------- limits

def test_limits(lab):
    with lab.daemon({"echo": (APP6, "echo")}) as daemon:
        with Control(daemon.socket) as control:
            control.send(b"x" * 70000)
            reply = control.line()
            assert reply["error"]["code"] == "syntax"
            assert control.line() is None
        held = [Control(daemon.socket) for _ in range(16)]
        for control in held:
            assert control.ask("version")["ok"]
        with Control(daemon.socket) as late:
            assert late.line()["error"]["code"] == "busy"
        for control in held:
            control.close()
        until(lambda: works(daemon), 5, "there is room again")
        with Control(daemon.socket) as control:
            control.send(b'{"v":1,')
            start = time.monotonic()
            assert control.line()["error"]["code"] == "timeout"
            assert 9 < time.monotonic() - start < 12
        clients.echoes(daemon, "echo")


def works(daemon):
    with Control(daemon.socket) as control:
        reply = control.ask("version")
        return reply is not None and reply["ok"]


def test_many_requests_in_one_write(lab):
    with lab.daemon({"echo": (APP6, "echo")}) as daemon, \
            Control(daemon.socket) as control:
        control.send(b"".join(
            b'{"v":1,"op":"version","id":%d}\n' % i for i in range(1000)))
        assert [control.line()["id"] for _ in range(1000)] == list(range(1000))


def test_other_users_stay_out(lab):
    """The mode of the socket keeps them out."""
    with lab.daemon({"echo": (APP6, "echo")}) as daemon:
        assert os.stat(daemon.socket).st_mode & 0o777 == 0o660
        done = proxyctl(daemon, "ls", check=False)
        assert done.returncode == 0
        program = daemon.namespace.command(
            ["setpriv", "--reuid", "1", "--regid", "1", "--clear-groups",
             sys.executable, "-c", "import socket; s = socket.socket("
             "socket.AF_UNIX); s.connect(%r)" % daemon.socket])
        done = subprocess.run(program, capture_output=True, text=True)
        assert "PermissionError" in done.stderr


# ------------------------------------------------------------- noise

def echo_times(daemon, noisy, lines):
    """Times of one word there and back while another daemon, or this one, is
    molested."""
    argv = [sys.executable, "-m", "lab.noise", noisy.socket, str(lines)]
    child = subprocess.Popen(argv, cwd=HERE, stdout=subprocess.PIPE)
    times = []
    with daemon.connect("echo") as sock:
        sock.settimeout(10)
        while child.poll() is None:
            start = time.perf_counter()
            sock.sendall(b"hello")
            assert stream.receive_exactly(sock, 5) == b"hello"
            times.append(time.perf_counter() - start)
    codes = json.loads(child.stdout.read())
    assert sum(codes.values()) == lines and "internal" not in codes, codes
    return statistics.quantiles(times, n=100)[98]


def test_noise(lab, full):
    """Garbage, half lines and deaf clients: the 99th percentile of a query
    with the noise at its own daemon is that with the noise at another."""
    lines = 10000 if full else 1500
    with lab.daemon({"echo": (APP6, "echo")}) as daemon, \
            lab.daemon({"echo": (APP6, "echo")}) as other:
        quiet, loud = [], []
        for _ in range(3):
            quiet.append(echo_times(daemon, other, lines))
            loud.append(echo_times(daemon, daemon, lines))
        print("p99 quiet %s, loud %s ms" % (
            ["%.2f" % (t * 1000) for t in quiet],
            ["%.2f" % (t * 1000) for t in loud]))
        assert min(loud) < 2 * max(quiet) + 0.001
        assert works(daemon)
