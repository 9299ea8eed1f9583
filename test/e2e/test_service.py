# SPDX-License-Identifier: ISC
"""Life under a service manager: what it is told, and what it keeps."""

import json
import os
import signal
import socket
import tempfile
import threading
import time

import pytest

from lab import clients
from lab.daemon import write_private, yaml_text
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
            manager.wait(20, STATUS=lambda text: text.endswith(
                ("tunnel lab connecting", "tunnel lab down")))


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


def controlled(manager):
    """Arguments for a daemon with state and a control socket."""
    folder = os.path.dirname(manager.path)
    os.chmod(folder, 0o777)
    return ["--state-dir", os.path.join(folder, "state"),
            "--socket", os.path.join(folder, "control.sock")]


def ask(manager, **request):
    """One request on the control socket; the result."""
    path = os.path.join(os.path.dirname(manager.path), "control.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        sock.sendall(json.dumps(dict(request, v=1)).encode() + b"\n")
        reply = json.loads(sock.makefile().readline())
    assert reply["ok"], reply
    return reply["result"]


def test_reload(lab, manager):
    """From inside the sandbox: keys are read, and ports bound, once more."""
    with lab.daemon(ECHO, environment=manager.settings()) as daemon:
        manager.wait(READY="1")
        manager.messages.clear()
        document = daemon.document(daemon.tunnel)
        document["forwards"].append({
            "name": "second", "listen": 0, "to": "[%s]:7001" % APP6})
        write_private(daemon.config, yaml_text(document))
        os.kill(daemon.process.pid, signal.SIGHUP)
        message = manager.wait(RELOADING="1")
        now = time.monotonic() * 1e6
        assert now - 5e6 < int(message["MONOTONIC_USEC"]) <= now
        message = manager.wait(READY="1")
        assert message["STATUS"].startswith("2 of 2 forwards")
        assert set(addresses(manager)) == {
            "forward-echo", "forward-second", "tunnel-lab"}
        daemon.forwards["second"] = None
        daemon.wait_listening(5)
        clients.echoes(daemon, "second")
        clients.echoes(daemon, "echo")


def test_bad_reload(lab, manager):
    """The service goes on, and says so."""
    with lab.daemon(ECHO, environment=manager.settings()) as daemon:
        manager.wait(READY="1")
        manager.messages.clear()
        write_private(daemon.config, "tunnels: nonsense\n")
        os.kill(daemon.process.pid, signal.SIGHUP)
        manager.wait(RELOADING="1")
        manager.wait(READY="1")
        daemon.wait_event("reload_failed")
        clients.echoes(daemon, "echo")


def test_added_while_running(lab, manager):
    """Kept by the manager like the others, until it is removed."""
    tunnel = lab.tunnel()
    arguments = controlled(manager)
    with lab.daemon(ECHO, tunnel, environment=manager.settings(),
                    arguments=arguments) as daemon:
        manager.wait(READY="1")
        for name in ("stays", "goes"):
            added = ask(manager, op="add", name=name,
                        spec="0:[%s]:7001" % APP6)["forward"]
            daemon.ports[name] = added["port"]
            manager.wait(FDSTORE="1", FDNAME="forward-" + name)
            clients.echoes(daemon, name)
        ask(manager, op="rm", forward="goes")
        manager.wait(FDSTOREREMOVE="1", FDNAME="forward-goes")
        for host in ("127.0.0.1", "::1"):
            with pytest.raises(ConnectionRefusedError):
                daemon.connect("goes", host)
        port = daemon.ports["stays"]
    forwards = dict(ECHO, stays=None)
    again = lab.daemon(ECHO, tunnel, environment=manager.settings(),
                       arguments=arguments, descriptors=kept(manager))
    again.forwards = forwards
    with again:
        assert again.ports["stays"] == port
        clients.echoes(again, "stays")


def test_socket_added_while_running(lab, manager):
    """In the places where the sandbox lets it, more than once."""
    with lab.daemon(ECHO, environment=manager.settings(),
                    arguments=controlled(manager)) as daemon:
        manager.wait(READY="1")
        for _ in range(2):
            ask(manager, op="add", name="path", temporary=True,
                spec="/tmp/wgproxyd-e2e-%d.sock:[%s]:7001" % (
                    os.getpid(), APP6))
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(10)
                sock.connect("/tmp/wgproxyd-e2e-%d.sock" % os.getpid())
                sock.sendall(b"hello")
                assert sock.recv(5) == b"hello"
            ask(manager, op="rm", forward="path", kill=True)
        clients.echoes(daemon, "echo")


@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_control_socket_from_a_unit(lab, manager, mode):
    """Who may open it is the unit's decision, unless that is everybody."""
    path = os.path.join(os.path.dirname(manager.path), "control.sock")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        os.chmod(path, mode)
        sock.listen()
        daemon = lab.daemon(ECHO, arguments=controlled(manager),
                            descriptors=[("control", sock.fileno())])
        with daemon:
            assert not daemon.events("fd_unused")
            assert ask(manager, op="version")["program"] == "wgproxyd"
        assert os.path.exists(path)


# ---------------------------------------------------------------- sockets

def kept(manager):
    """What the manager would pass on at the next start."""
    manager.receive()
    return [(name, descriptor) for name in manager.store
            for descriptor in manager.store[name]]


def next_start(lab, manager, forwards, tunnel, **settings):
    return lab.daemon(forwards, tunnel,
                      environment=manager.settings(),
                      descriptors=kept(manager), **settings)


def addresses(manager):
    found = {}
    for name, descriptor in kept(manager):
        with socket.socket(fileno=os.dup(descriptor)) as sock:
            found.setdefault(name, []).append(sock.getsockname()[:2])
    return {name: sorted(found[name]) for name in found}


def test_store(lab, manager):
    """What the manager gets, and that it is passed on to the next start."""
    tunnel = lab.tunnel()
    with lab.daemon(ECHO, tunnel,
                    environment=manager.settings()) as daemon:
        manager.wait(READY="1")
        port = daemon.ports["echo"]
        before = addresses(manager)
        assert set(before) == {"forward-echo", "tunnel-lab"}
        assert before["forward-echo"] == [("127.0.0.1", port), ("::1", port)]
        assert [a for a, _ in before["tunnel-lab"]] == ["0.0.0.0", "::"]
        clients.echoes(daemon, "echo")
    with next_start(lab, manager, ECHO, tunnel) as daemon:
        clients.echoes(daemon, "echo")
        clients.echoes(daemon, "echo", host="::1")
        assert daemon.ports["echo"] == port
        event = daemon.wait_event("udp_open")
        assert int(event["port"]) == before["tunnel-lab"][0][1]
        assert not daemon.events("fd_unused")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_restart_refuses_nobody(lab, manager, sig):
    """Clients come all the time; each one is served by one of the two."""
    tunnel = lab.tunnel()
    daemon = lab.daemon(ECHO, tunnel,
                        environment=manager.settings())
    daemon.start()
    manager.wait(READY="1")
    names = ["127.0.0.1", "::1"]
    stop, outcomes = threading.Event(), []

    def come():
        number = 0
        while not stop.is_set():
            number += 1
            try:
                with lab.near.connect(names[number % 2], port, 20) as sock:
                    sock.sendall(b"hello")
                    outcomes.append(sock.recv(5))
            except OSError as error:
                outcomes.append(error)

    port = daemon.ports["echo"]
    clients.echoes(daemon, "echo")
    thread = threading.Thread(target=come)
    thread.start()
    try:
        time.sleep(0.3)
        daemon.stop(sig)
        time.sleep(0.3)
        with next_start(lab, manager, ECHO, tunnel) as daemon:
            clients.echoes(daemon, "echo", seconds=20)
            time.sleep(0.5)
            stop.set()
            thread.join(20)
    finally:
        stop.set()
        thread.join(20)
    assert len(outcomes) > 20
    assert not [o for o in outcomes if isinstance(o, ConnectionRefusedError)]
    # Those whom the first one had accepted may be cut when it is killed.
    cut = [o for o in outcomes if o != b"hello"]
    assert len(cut) <= 2, cut


def test_unix_socket_outlives_a_restart(lab, manager):
    path = os.path.join(os.path.dirname(manager.path), "echo.sock")
    os.chmod(os.path.dirname(path), 0o777)
    forwards = {"echo": {"to": "[%s]:7001" % APP6, "listen": path}}
    tunnel = lab.tunnel()
    daemon = lab.daemon(forwards, tunnel,
                        environment=manager.settings())
    daemon.start()
    manager.wait(READY="1")
    assert daemon.stop()[0] == 0
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(path)
        sock.sendall(b"hello")
        with next_start(lab, manager, forwards, tunnel):
            assert sock.recv(5) == b"hello"


def test_unix_socket_without_a_manager_goes(lab, manager):
    path = os.path.join(os.path.dirname(manager.path), "echo.sock")
    os.chmod(os.path.dirname(path), 0o777)
    forwards = {"echo": {"to": "[%s]:7001" % APP6, "listen": path}}
    with lab.daemon(forwards):
        assert os.path.exists(path)
    assert not os.path.exists(path)


def test_what_is_not_wanted_any_more(lab, manager):
    """A forward that is gone after a restart leaves no open port."""
    forwards = dict(ECHO, second=(APP6, "echo"))
    tunnel = lab.tunnel()
    with lab.daemon(forwards, tunnel,
                    environment=manager.settings()) as daemon:
        manager.wait(READY="1")
        port = daemon.ports["second"]
    with next_start(lab, manager, ECHO, tunnel) as daemon:
        manager.wait(FDSTOREREMOVE="1")
        assert set(addresses(manager)) == {"forward-echo", "tunnel-lab"}
        assert len(daemon.events("fd_unused", socket="forward-second")) == 2
        for host in ("127.0.0.1", "::1"):
            with pytest.raises(ConnectionRefusedError):
                lab.near.connect(host, port)


def test_another_port_is_no_reason_to_keep_the_old(lab, manager):
    """The configuration decides, not what the manager has."""
    tunnel = lab.tunnel()
    with lab.daemon(ECHO, tunnel,
                    environment=manager.settings()) as daemon:
        manager.wait(READY="1")
        old = daemon.ports["echo"]
    with lab.near.socket(socket.AF_INET) as free:
        free.bind(("127.0.0.1", 0))
        new = free.getsockname()[1]
    forwards = {"echo": {"to": "[%s]:7001" % APP6, "listen": new}}
    with next_start(lab, manager, forwards, tunnel) as daemon:
        clients.echoes(daemon, "echo")
        assert daemon.ports["echo"] == new
        until(lambda: addresses(manager)["forward-echo"] ==
              [("127.0.0.1", new), ("::1", new)], 5, "the new port is kept")
        with pytest.raises(ConnectionRefusedError):
            lab.near.connect("127.0.0.1", old)


def test_socket_unit(lab):
    """Sockets by address, without names of ours and without a manager."""
    with lab.near.socket(socket.AF_INET) as one, \
            lab.near.socket(socket.AF_INET6) as two:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        two.bind(("::1", port))
        for sock in (one, two):
            sock.listen()
        forwards = {"echo": {"to": "[%s]:7001" % APP6, "listen": port}}
        daemon = lab.daemon(forwards, descriptors=[
            ("wgproxyd.socket", one.fileno()),
            ("wgproxyd.socket", two.fileno())])
        with daemon:
            clients.echoes(daemon, "echo")
            clients.echoes(daemon, "echo", host="::1")
        # Its end is not the listener's end.
        with lab.near.connect("127.0.0.1", port):
            pass


def test_descriptors_of_another_process(lab):
    with lab.near.socket(socket.AF_INET) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        settings = {"LISTEN_FDS": "1", "LISTEN_PID": "1"}
        with lab.daemon(ECHO, environment=settings) as daemon:
            clients.echoes(daemon, "echo")
            assert not daemon.events("fd_unused")
