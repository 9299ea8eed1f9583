# SPDX-License-Identifier: ISC
"""Metrics and health over HTTP, while the forwards work and while they do not.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from lab import clients, stream
from lab.daemon import BINARY, write_private
from lab.lab import APP6, DEAD6, Lab
from lab.process import until
from lab.scrape import Connection, Metrics, request, scrape

FORWARDS = {"echo": (APP6, "echo"), "named": ("appname.internal", "echo"),
            "source": (APP6, "source"), "sink": (APP6, "sink"),
            "closed": "[%s]:9" % APP6, "dead": "[%s]:5432" % DEAD6[0]}
WHERE = 9586


def with_http():
    """Whether the program under test was built with libmicrohttpd."""
    with open(BINARY, "rb") as file:
        return b"libmicrohttpd.so" in file.read()


pytestmark = pytest.mark.skipif(
    not with_http(), reason="built without libmicrohttpd")


@pytest.fixture
def own_lab():
    """A lab that a test may break."""
    with Lab() as lab:
        yield lab


def not_started(lab, forwards=FORWARDS, **settings):
    """A daemon whose metrics are at WHERE in its namespace."""
    settings.setdefault("more", {"metrics": {"listen":
                                             "127.0.0.1:%d" % WHERE}})
    return lab.daemon(forwards, **settings)


@contextlib.contextmanager
def metered(lab, forwards=FORWARDS, **settings):
    """The same, started, with the listener of the metrics open or failed."""
    with not_started(lab, forwards, **settings) as daemon:
        until(lambda: daemon.events("metrics_listening")
              or daemon.events("metrics_listen_failed"), 10,
              "a word about the metrics' listener")
        yield daemon


def ready(daemon, path="/readyz"):
    status, text, _ = request(daemon, WHERE, path)
    return status, text


def expect_agreement(metrics, forward):
    """The books balance while nothing connects."""
    opened = metrics.value("wgproxy_connections_total", forward=forward,
                           result="ok")
    ended = metrics.sum("wgproxy_connection_terminations_total",
                        forward=forward)
    active = metrics.value("wgproxy_connections_active", forward=forward)
    assert opened == ended + active
    assert metrics.value("wgproxy_connect_duration_seconds_count",
                         forward=forward) == opened


def test_counters_agree_with_traffic(lab):
    with metered(lab) as daemon:
        first = scrape(daemon, WHERE)
        assert first.sum("wgproxy_connections_total") == 0
        assert first.value("wgproxy_peer_up", tunnel="lab", peer="0") == 0
        clients.upload(daemon, "sink", stream.MIB)
        clients.download(daemon, "source", 3 * stream.MIB)
        for _ in range(5):
            clients.echoes(daemon, "named")
        clients.is_refused(daemon, "closed", "connect_refused")
        with daemon.connect("echo") as sock:
            sock.sendall(b"12345")
            assert stream.receive_exactly(sock, 5) == b"12345"
            until(lambda: scrape(daemon, WHERE).sum(
                "wgproxy_connections_active") == 1, 5, "one is open")
            metrics = scrape(daemon, WHERE)
        for forward in FORWARDS:
            expect_agreement(metrics, forward)
        value = metrics.value
        bytes_total = "wgproxy_connection_bytes_total"
        assert value(bytes_total, forward="sink",
                     direction="tx") == stream.MIB
        assert value(bytes_total, forward="source",
                     direction="rx") == 3 * stream.MIB
        assert value(bytes_total, forward="echo", direction="tx") == 5
        assert value("wgproxy_connections_total", forward="named",
                     result="ok") == 5
        assert value("wgproxy_connection_terminations_total",
                     forward="named", reason="done") == 5
        assert value("wgproxy_connections_total", forward="closed",
                     result="connect_refused") == 1
        assert value("wgproxy_forward_up", forward="closed") == 0
        assert value("wgproxy_forward_up", forward="echo") == 1
        peer = {"tunnel": "lab", "peer": "0"}
        assert value("wgproxy_peer_up", **peer) == 1
        assert value("wgproxy_peer_handshakes_total", **peer) == 1
        age = time.time() - value(
            "wgproxy_peer_last_handshake_timestamp_seconds", **peer)
        assert 0 <= age < 60
        assert value("wgproxy_peer_bytes_total", direction="tx",
                     **peer) > stream.MIB
        assert value("wgproxy_peer_bytes_total", direction="rx",
                     **peer) > 3 * stream.MIB
        assert value("wgproxy_dns_lookups_total", tunnel="lab",
                     result="ok") == 1
        assert value("wgproxy_dns_lookup_duration_seconds_count",
                     tunnel="lab") == 1
        assert value("wgproxy_tcp_rtt_seconds_count", tunnel="lab") == \
            metrics.sum("wgproxy_connections_total", result="ok")
        expect_process(daemon, metrics)


def expect_process(daemon, metrics):
    """The process's own figures are those of the system."""
    pid = int(daemon.namespace.run(
        ["pgrep", "-f", "^" + daemon.program]).stdout.split()[0])
    assert metrics.value("process_max_fds") == 256
    assert abs(metrics.value("process_open_fds")
               - len(os.listdir("/proc/%d/fd" % pid))) <= 3
    with open("/proc/%d/statm" % pid) as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert abs(metrics.value("process_resident_memory_bytes")
               - resident) < resident / 4
    assert 0 < time.time() - metrics.value("process_start_time_seconds") < 120
    assert metrics.value("process_cpu_seconds_total") > 0
    assert metrics.value("wgproxy_event_loop_lag_seconds_count") > 10
    assert metrics.value("wgproxy_clock_jumps_total") == 0
    assert metrics.value("wgproxy_config_last_reload_successful") == 1


def test_scrapes_while_a_stream_flows(lab):
    """Counters never go back, and the stream is whole."""
    with metered(lab) as daemon:
        done = threading.Event()
        failures = []

        def load():
            try:
                clients.download(daemon, "source", 64 * stream.MIB)
            except Exception as error:
                failures.append(error)
            done.set()

        thread = threading.Thread(target=load)
        thread.start()
        seen = []
        while not done.is_set():
            seen.append(scrape(daemon, WHERE).value(
                "wgproxy_connection_bytes_total", forward="source",
                direction="rx"))
            time.sleep(0.05)
        thread.join()
        assert not failures, failures
        assert seen == sorted(seen) and len(set(seen)) > 1
        until(lambda: scrape(daemon, WHERE).value(
            "wgproxy_connection_bytes_total", forward="source",
            direction="rx") == 64 * stream.MIB, 5, "all is counted")


def test_lookups_by_result(lab):
    forwards = {"good": ("appname.internal", "echo"),
                "wrong": "nosuch.internal:1", "empty": "text.internal:1"}
    with metered(lab, forwards) as daemon:
        clients.echoes(daemon, "good")
        clients.is_refused(daemon, "wrong", "dns_nxdomain")
        clients.is_refused(daemon, "empty", "dns_nodata")
        metrics = scrape(daemon, WHERE)
        for result in "ok", "nxdomain", "nodata":
            assert metrics.value("wgproxy_dns_lookups_total", tunnel="lab",
                                 result=result) >= 1, result
        for result in "server", "timeout":
            assert metrics.value("wgproxy_dns_lookups_total", tunnel="lab",
                                 result=result) == 0, result
        assert metrics.value("wgproxy_connections_total", forward="wrong",
                             result="dns_nxdomain") == 1


def reload(daemon, change, event, count):
    """Changes the configuration's text and waits for what becomes of it."""
    with open(daemon.config) as file:
        text = file.read()
    write_private(daemon.config, change(text))
    os.kill(daemon.process.pid, signal.SIGHUP)
    daemon.wait_event(event, count=count)


def test_reload(lab):
    """A bad configuration is told and changes nothing, a good one may move
    the listener or end it."""
    other = WHERE + 1

    def moved(text):
        return text.replace(":%d" % WHERE, ":%d" % other)

    with metered(lab) as daemon:
        name = "wgproxy_config_last_reload_successful"
        when = "wgproxy_config_last_reload_success_timestamp_seconds"
        loaded = scrape(daemon, WHERE).value(when)
        assert abs(time.time() - loaded) < 60
        reload(daemon, lambda text: text + "nonsense: 1\n",
               "reload_failed", 1)
        time.sleep(0.3)  # a text is kept for 250 ms
        assert scrape(daemon, WHERE).value(name) == 0
        assert scrape(daemon, WHERE).value(when) == loaded
        reload(daemon, lambda text: moved(text).replace("nonsense: 1\n", ""),
               "metrics_listening", 2)
        assert scrape(daemon, other).value(name) == 1
        assert scrape(daemon, other).value(when) > loaded
        with pytest.raises(ConnectionRefusedError):
            scrape(daemon, WHERE)
        reload(daemon, lambda text: text.replace(
            "metrics:\n  listen: 127.0.0.1:%d\n" % other, ""),
            "reloaded", 2)
        with pytest.raises(ConnectionRefusedError):
            scrape(daemon, other)
        clients.echoes(daemon, "echo")


@pytest.mark.skipif(shutil.which("promtool") is None,
                    reason="there is no promtool")
def test_promtool(lab):
    with metered(lab) as daemon:
        text = request(daemon, WHERE, "/metrics")[1]
        subprocess.run(["promtool", "check", "metrics"], input=text,
                       text=True, check=True)


def test_answers(lab):
    """Paths, methods, HEAD, one connection for many requests."""
    with metered(lab) as daemon:
        assert request(daemon, WHERE, "/livez")[:2] == (200, "ok\n")
        status, text = ready(daemon)
        assert status == 200 and text.startswith("ready\ntunnel lab idle\n")
        assert "\nforward echo listening\n" in text
        assert request(daemon, WHERE, "/")[0] == 404
        assert request(daemon, WHERE, "/metrics/")[0] == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            status, _, headers = request(daemon, WHERE, "/metrics", method)
            assert status == 405 and headers["Allow"] == "GET, HEAD"
        status, text, headers = request(daemon, WHERE, "/metrics", "HEAD")
        assert status == 200 and text == ""
        assert int(headers["Content-Length"]) > 1000
        connection = Connection(daemon.namespace, WHERE)
        for _ in range(20):
            connection.request("GET", "/metrics")
            Metrics(connection.getresponse().read().decode())
        connection.close()


def test_socket_path(lab):
    """A socket instead of a port; it is gone afterwards."""
    path = "/tmp/wgproxyd-metrics-%s.sock" % lab.id
    with metered(lab, more={"metrics": {"listen": path}}) as daemon:
        assert request(daemon, path, "/livez")[0] == 200
        assert scrape(daemon, path).value("wgproxy_forward_up",
                                          forward="echo") == 1
        assert os.stat(path).st_mode & 0o007 == 0
    assert not os.path.exists(path)


@pytest.mark.parametrize("kind", [socket.AF_INET, socket.AF_UNIX])
def test_socket_from_a_unit(lab, kind):
    """By its address; the unit's path stays when the daemon ends."""
    where = WHERE
    with lab.near.socket(kind) as sock:
        if kind == socket.AF_UNIX:
            where = os.path.join(lab.folder, "unit.sock")
            sock.bind(where)
            os.chmod(where, 0o600)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", where))
        sock.listen()
        listen = where if kind == socket.AF_UNIX else "127.0.0.1:%d" % where
        with metered(lab, more={"metrics": {"listen": listen}}, descriptors=[
                ("wgproxyd.socket", sock.fileno())]) as daemon:
            assert request(daemon, where, "/livez")[0] == 200
            assert not daemon.events("metrics_listen_failed")
        assert kind == socket.AF_INET or os.path.exists(where)


def test_target(lab):
    with metered(lab) as daemon:
        status, text = ready(daemon, "/readyz?target=named")
        assert status == 200
        assert text.startswith("reachable forward=named target=[%s]:" % APP6)
        status, text = ready(daemon, "/readyz?target=closed")
        assert status == 503 and "reason=connect_refused" in text
        start = time.monotonic()
        status, text = ready(daemon, "/readyz?target=dead")
        assert status == 503 and "reason=connect_timeout" in text
        assert 1.9 < time.monotonic() - start < 3
        assert ready(daemon, "/readyz?target=nosuch")[0] == 404
        assert ready(daemon, "/readyz?target=")[0] == 404
        # Tests are not clients.
        assert scrape(daemon, WHERE).sum("wgproxy_connections_total") == 0


def test_targets_left_behind(lab):
    """Who asks and leaves, or is still asking when the daemon ends."""
    with metered(lab) as daemon:
        for _ in range(3):
            asking = [daemon.namespace.connect("127.0.0.1", WHERE)
                      for _ in range(16)]
            for sock in asking:
                sock.sendall(b"GET /readyz?target=dead HTTP/1.1\r\n"
                             b"Host: x\r\n\r\n")
            time.sleep(0.2)
            clients.echoes(daemon, "echo")
            for sock in asking:
                sock.close()
        assert until(lambda: ready(daemon)[0] == 200, 15, "room again")
        sock = daemon.namespace.connect("127.0.0.1", WHERE)
        sock.sendall(b"GET /readyz?target=dead HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
    sock.close()


def test_peer_breaks_and_heals(own_lab):
    with metered(own_lab) as daemon:
        assert ready(daemon)[0] == 200  # nobody needed the tunnel yet
        clients.echoes(daemon, "echo")
        assert "tunnel lab up" in ready(daemon)[1]
        own_lab.peer.stop()
        with contextlib.suppress(OSError), daemon.connect("echo") as sock:
            sock.sendall(b"anybody")
            until(lambda: ready(daemon)[0] == 503, 40, "it is not ready")
        status, text = ready(daemon)
        assert status == 503 and text.startswith("not ready\n")
        assert "tunnel lab down" in text
        assert request(daemon, WHERE, "/livez")[0] == 200
        metrics = scrape(daemon, WHERE)
        assert metrics.value("wgproxy_peer_up", tunnel="lab", peer="0") == 0
        assert metrics.value("wgproxy_forward_up", forward="echo") == 0
        status, text = ready(daemon, "/readyz?target=echo")
        assert status == 503 and "reason=tunnel_down" in text
        own_lab.peer.start()
        until(lambda: ready(daemon)[0] == 200, 30, "it is ready again")
        clients.echoes(daemon, "echo")


def test_stopping(lab):
    """While clients may still end, it lives and is not ready."""
    with metered(lab) as daemon, daemon.connect("echo") as sock:
        sock.sendall(b"x")
        assert stream.receive_exactly(sock, 1) == b"x"
        os.kill(daemon.process.pid, signal.SIGTERM)
        daemon.wait_event("stopping")
        status, text = ready(daemon)
        assert status == 503 and text.startswith("stopping\n")
        assert request(daemon, WHERE, "/livez")[0] == 200


def test_idle_is_idle(lab):
    """An open listener wakes nobody up."""
    with metered(lab) as daemon:
        name = "wgproxy_event_loop_lag_seconds_count"
        request(daemon, WHERE, "/livez")
        time.sleep(0.5)
        before = scrape(daemon, WHERE).value(name)
        time.sleep(3)
        assert scrape(daemon, WHERE).value(name) - before < 15


def test_port_not_bound(lab):
    """A forward that cannot listen is not ready."""
    with lab.near.socket(socket.AF_INET) as taken:
        taken.bind(("127.0.0.1", 15499))
        taken.listen()
        forwards = dict(FORWARDS, late={"to": "[%s]:1" % APP6,
                                        "listen": 15499})
        daemon = not_started(lab, forwards)
        with pytest.raises(Exception, match="every forward listens"):
            daemon.start(seconds=2)
        status, text = ready(daemon)
        assert status == 503 and "\nforward late failed\n" in text
        assert daemon.stop()[0] == 0


def test_metrics_port_is_taken(lab):
    """The forwards work, and the listener comes when it can."""
    with lab.near.socket(socket.AF_INET) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", WHERE))
        taken.listen()
        with metered(lab) as daemon:
            daemon.wait_event("metrics_listen_failed")
            clients.echoes(daemon, "echo")
            taken.close()
            daemon.wait_event("metrics_listening", 15)
            assert request(daemon, WHERE, "/livez")[0] == 200


GARBAGE = [b"\x00" * 4096, b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 2000,
           b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
           b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"b" * 20000,
           b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: "
           b"99999999999999999999\r\n\r\n",
           b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
           b"hello",
           b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
           b"\r\n\r\nffffffffffffffff\r\n",
           b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000"
           b"\r\n\r\n" + b"c" * 20000,
           b"GET /readyz?target=" + b"%00%ff" * 500 + b" HTTP/1.1\r\n"
           b"Host: x\r\n\r\n",
           b"GET /readyz?" + b"target=a&" * 500 + b" HTTP/1.1\r\n"
           b"Host: x\r\n\r\n"]


def throw(namespace, seed):
    """One client that means no good."""
    dice = random.Random(seed)
    with contextlib.suppress(OSError):
        sock = namespace.connect("127.0.0.1", WHERE, 2)
        try:
            data = dice.choice(GARBAGE + [dice.randbytes(3000)])
            sock.sendall(data[:dice.randrange(1, len(data) + 1)])
            if dice.random() < 0.5:
                sock.settimeout(0.05)
                sock.recv(100)
        finally:
            sock.close()


def test_garbage_while_a_forward_works(lab):
    """A flood of bad requests takes nothing from clients, and ends with the
    last of them."""
    with metered(lab) as daemon:
        clients.echoes(daemon, "echo")
        stop = threading.Event()

        def flood(number):
            count = 0
            while not stop.is_set():
                throw(lab.near, number * 1000000 + count)
                count += 1

        threads = [threading.Thread(target=flood, args=(i,))
                   for i in range(4)]
        silent = [lab.near.connect("127.0.0.1", WHERE) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            slowest = 0
            for _ in range(30):
                start = time.monotonic()
                clients.echoes(daemon, "echo")
                slowest = max(slowest, time.monotonic() - start)
                time.sleep(0.1)
            clients.download(daemon, "source", 8 * stream.MIB)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            for sock in silent:
                sock.close()
        assert slowest < 1, "%.1f s" % slowest
        until(lambda: works(daemon), 25, "requests are answered again")
        metrics = scrape(daemon, WHERE)
        assert metrics.value("process_open_fds") < 60


def works(daemon):
    try:
        return request(daemon, WHERE, "/livez")[0] == 200
    except OSError:
        return False
