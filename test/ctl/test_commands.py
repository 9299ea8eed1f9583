# SPDX-License-Identifier: ISC
"""What each command asks, prints and ends with."""

import json
import os
import pty
import signal
import socket
import subprocess
import time

import pytest

from conftest import PROXYCTL
from fake import STATUS, No, forward


def test_add(ctl, fake):
    fake.answers["add"] = {"forward": forward(), "existing": False}
    done = ctl("add", "15432:appname.internal:5432")
    assert done.returncode == 0
    assert done.stdout == "localhost:15432 -> appname.internal:5432\n"
    assert "pg is listening" in done.stderr
    assert fake.requests == [
        {"op": "add", "spec": "15432:appname.internal:5432"}]


def test_add_again(ctl, fake):
    fake.answers["add"] = {"forward": forward(), "existing": True}
    assert "pg was there already" in ctl("add", "1:a:2").stderr


def test_add_options(ctl, fake):
    fake.answers["add"] = {"forward": forward(), "existing": False}
    done = ctl("add", "--temporary", "--tunnel", "fly", "0:db.internal:5432",
               "--name=pg", "--allow", "10.0.0.0/8", "--allow", "fd00::/8",
               "--max-connections", "10", "--address-policy", "random")
    assert done.returncode == 0
    assert fake.requests == [
        {"op": "add", "spec": "0:db.internal:5432", "temporary": True,
         "tunnel": "fly", "name": "pg", "allow": ["10.0.0.0/8", "fd00::/8"],
         "max_connections": 10, "address_policy": "random"}]


@pytest.mark.parametrize("typed, app, spec", [
    ("15432:5432", "appname", "15432:appname.internal:5432"),
    ("5432", "appname", "5432:appname.internal:5432"),
    ("127.0.0.1:15432:5432", "appname",
     "127.0.0.1:15432:appname.internal:5432"),
    ("[::1]:15432:5432", "appname", "[::1]:15432:appname.internal:5432"),
    ("15432:5432", "appname.flycast", "15432:appname.flycast:5432"),
    ("/run/pg/.s.PGSQL.5432:5432", "appname",
     "/run/pg/.s.PGSQL.5432:appname.internal:5432"),
])
def test_add_app(ctl, fake, typed, app, spec):
    fake.answers["add"] = {"forward": forward(), "existing": False}
    assert ctl("add", typed, "-a", app).returncode == 0
    assert fake.requests[0]["spec"] == spec


def test_add_port_taken(ctl, fake):
    fake.answers["add"] = No("port_taken", "port 15432 is taken by postgres",
                             holder="postgres (pid 12)", suggest=15433)
    done = ctl("add", "15432:5432", "-a", "appname")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "port 15432 is taken by postgres" in done.stderr
    assert "proxyctl add 15433:5432 -a appname\n" in done.stderr


def test_add_port_taken_by_somebody(ctl, fake):
    """The daemon does not know who has it; we may."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        fake.answers["add"] = No("port_taken", "port %d is taken" % port)
        done = ctl("add", "%d:a.internal:5432" % port)
    assert done.returncode == 1
    assert "it is taken by " in done.stderr
    assert "(pid %d)" % os.getpid() in done.stderr


def test_add_port_taken_json(ctl, fake):
    fake.answers["add"] = No("port_taken", "taken", suggest=15433)
    done = ctl("add", "--json", "15432:a:5432")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["suggest"] == 15433


def test_rm(ctl, fake):
    fake.answers["rm"] = {"forward": forward(), "connections": 3}
    done = ctl("rm", "pg")
    assert done.returncode == 0
    assert "3 connections live on" in done.stderr
    assert ctl("rm", "--kill", "15432").returncode == 0
    assert fake.requests == [
        {"op": "rm", "forward": "pg", "kill": False},
        {"op": "rm", "forward": "15432", "kill": True}]


def test_rm_not_found(ctl, fake):
    fake.answers["rm"] = No("not_found", "no forward is called \"x\"")
    done = ctl("rm", "x")
    assert done.returncode == 1
    assert "no forward is called" in done.stderr


def test_ls(ctl, fake):
    fake.answers["list"] = {"forwards": [
        forward(), forward("redis-1", listen="10.0.0.1:6379", state="paused",
                           reason="dns_nxdomain",
                           text="the name does not exist")]}
    done = ctl("ls")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "LISTEN", "TO", "STATE", "CONNS",
                                "RX", "TX"]
    assert lines[1].split() == ["pg", "localhost:15432",
                                "appname.internal:5432", "listening", "3",
                                "5.0M", "2.0K"]
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert ("redis-1 is paused: the name does not exist; see proxyctl why "
            "redis-1") in done.stderr
    assert "\033" not in done.stdout


def test_ls_pages(ctl, fake):
    def page(request):
        after = request.get("after", 0)
        names = ["f%d" % i for i in range(after, after + 50)]
        more = {"next": after + 50} if after < 100 else {}
        return {"forwards": [forward(name) for name in names], **more}

    fake.answers["list"] = page
    done = ctl("ls", "--json")
    names = [f["name"] for f in json.loads(done.stdout)["forwards"]]
    assert names == ["f%d" % i for i in range(150)]
    assert "next" not in json.loads(done.stdout)
    assert ctl("ls", "--names").stdout.split() == names


def test_ls_same_page_forever(ctl, fake):
    fake.answers["list"] = {"forwards": [forward()], "next": "1"}
    done = ctl("ls")
    assert done.returncode == 69
    assert len(fake.requests) == 2


def test_ls_empty(ctl, fake):
    fake.answers["list"] = {"forwards": []}
    done = ctl("ls")
    assert done.returncode == 0
    assert "proxyctl add" in done.stderr


def test_names_are_safe_for_shells(ctl, fake):
    fake.answers["list"] = {"forwards": [forward("$(id)"), forward("ok")]}
    assert ctl("ls", "--names").stdout == "ok\n"


def test_control_characters_stay_away(ctl, fake):
    fake.answers["list"] = {"forwards": [
        forward(to="\x1b]0;title\x07.internal:1", state="paused",
                text="\x1b[31mred\u009b")]}
    done = ctl("ls")
    for stream in done.stdout, done.stderr:
        assert "\x1b" not in stream and "\u009b" not in stream
    assert "?]0;title?.internal:1" in done.stdout


def test_status(ctl, fake):
    fake.answers["status"] = STATUS
    slow = {"name": "slow", "state": "connecting", "text": "no handshake yet"}
    fake.answers["status"] = {
        **STATUS, "tunnels": [*STATUS["tunnels"], slow],
        "config_error": "a.yaml:3:1: unknown key"}
    done = ctl("status")
    assert done.returncode == 0
    for text in ("state        degraded: 1 forward is paused",
                 "wgproxyd 0.1.0, pid 4242, up 2 h 5 min",
                 "2 listening, 1 paused", "3 of 10000, 512 accepted",
                 "1.0G received, 1.0K sent", "12M of 256M", "fly",
                 "\nslow: no handshake yet\n",
                 "not reloaded a.yaml:3:1: unknown key"):
        assert text in done.stdout, done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert json.loads(ctl("status", "--json").stdout) == \
        fake.answers["status"]


@pytest.mark.parametrize("state, code", [
    ("ready", 0), ("degraded", 1), ("draining", 1), ("down", 2),
    ("something new", 1)])
def test_status_check(ctl, fake, state, code):
    fake.answers["status"] = {**STATUS, "state": state, "text": ""}
    done = ctl("status", "--check")
    assert (done.returncode, done.stdout) == (code, state + "\n")


def test_status_watch(fake, environment):
    fake.answers["status"] = [STATUS, No("busy", "not now"),
                              {**STATUS, "state": "ready", "text": ""}]
    watch = subprocess.Popen(
        [PROXYCTL, "--socket", fake.path, "status", "--watch", "--json",
         "--interval", "0.05"], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env=environment)
    states = [json.loads(watch.stdout.readline())["state"] for _ in range(3)]
    watch.send_signal(signal.SIGINT)
    assert watch.wait(5) == -signal.SIGINT
    assert states == ["degraded", "ready", "ready"]
    assert watch.stderr.readline() == "proxyctl: not now\n"
    watch.stdout.close()
    watch.stderr.close()


def test_why(ctl, fake):
    fake.answers["why"] = {
        "forward": "pg", "ok": False, "reason": "dns_nxdomain",
        "text": "the name appname.internal does not exist", "steps": [
            {"step": "listen", "ok": True, "text": "localhost:15432",
             "ms": 0},
            {"step": "name", "ok": False, "text": "no such name", "ms": 12}]}
    done = ctl("why", "15432")
    assert done.returncode == 1
    assert done.stdout == (
        "ok      listen   localhost:15432 (0 ms)\n"
        "failed  name     no such name (12 ms)\n"
        "the name appname.internal does not exist (dns_nxdomain)\n")
    assert fake.requests == [{"op": "why", "forward": "15432"}]


def test_why_good(ctl, fake):
    fake.answers["why"] = {"ok": True, "text": "all is well", "reason": "",
                           "steps": []}
    done = ctl("why", "pg", "--timeout", "2.5")
    assert (done.returncode, done.stdout) == (0, "all is well\n")
    assert fake.requests[0]["timeout_ms"] == 2500


def test_resolve(ctl, fake):
    fake.answers["resolve"] = {"name": "a.internal", "ms": 3,
                               "addresses": ["fdaa::2", "fdaa::3"]}
    done = ctl("resolve", "a.internal", "--tunnel", "fly")
    assert (done.returncode, done.stdout) == (0, "fdaa::2\nfdaa::3\n")
    assert fake.requests[0]["tunnel"] == "fly"
    fake.answers["resolve"] = No("unresolved", "the name does not exist",
                                 reason="dns_nxdomain")
    done = ctl("resolve", "b.internal")
    assert done.returncode == 1
    assert "the name does not exist" in done.stderr


def test_ping(ctl, fake):
    fake.answers["ping"] = [
        No("unreachable", "refused", reason="connect_refused"),
        {"target": "a:5432", "address": "[fdaa::2]:5432",
         "refused": False, "ms": 12.34}]
    done = ctl("ping", "a:5432", "-c", "2")
    assert done.returncode == 0
    assert done.stdout == "a:5432 ([fdaa::2]:5432): 12.3 ms\n"
    assert "refused" in done.stderr
    assert fake.requests[0]["timeout_ms"] == 2000


def test_ping_refused(ctl, fake):
    fake.answers["ping"] = {"target": "a:1", "address": "[fdaa::2]:1",
                            "refused": True, "ms": 3}
    done = ctl("ping", "a:1")
    assert done.returncode == 0
    assert "3 ms, refused" in done.stdout


def test_ping_unanswered(ctl, fake):
    fake.answers["ping"] = No("unreachable", "no answer")
    assert ctl("ping", "a").returncode == 1


def test_wait(ctl, fake):
    bad = {"ok": False, "text": "no handshake yet", "steps": []}
    fake.answers["list"] = {"forwards": [forward("a"), forward("b")]}
    fake.answers["why"] = [bad, {"ok": True, "steps": []}]
    done = ctl("wait", "--timeout", "5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [r["forward"] for r in fake.requests if r["op"] == "why"] == [
        "a", "a", "b"]


def test_wait_too_short(ctl, fake):
    fake.answers["why"] = {"ok": False, "text": "no handshake", "steps": []}
    began = time.monotonic()
    done = ctl("wait", "--timeout", "0.6", "pg")
    assert done.returncode == 75
    assert "not ready after 0.6 s: pg: no handshake" in done.stderr
    assert time.monotonic() - began < 2


def test_wait_says_why_to_the_last(ctl, fake):
    """What the daemon said is kept when time runs out during an attempt."""
    def slow(request):
        time.sleep(request["timeout_ms"] / 1000)
        return {"ok": False, "text": "no handshake", "steps": []}

    fake.answers["why"] = slow
    done = ctl("wait", "--timeout", "0.4", "pg", "redis")
    assert done.returncode == 75
    assert "not ready after 0.4 s: pg: no handshake" in done.stderr


def test_wait_without_forwards(ctl, fake):
    fake.answers["list"] = {"forwards": []}
    fake.answers["status"] = [STATUS, {**STATUS, "state": "ready"}]
    assert ctl("wait", "--timeout", "5").returncode == 0
    assert fake.ops().count("status") == 2


def test_wait_for_nothing(ctl, fake):
    fake.answers["why"] = No("not_found", "no forward is called \"x\"")
    assert ctl("wait", "x").returncode == 1


def test_wait_for_daemon(run, tmp_path):
    began = time.monotonic()
    done = run("--socket", tmp_path / "none", "wait", "--timeout", "0.5")
    assert done.returncode == 69
    assert 0.2 < time.monotonic() - began < 3


def test_reload(ctl, fake):
    fake.answers["reload"] = {
        "added": 2, "removed": 1, "changed": 0, "unchanged": 5,
        "tunnels_added": 0, "tunnels_removed": 0, "tunnels_changed": 1,
        "tunnels_unchanged": 0, "warnings": ["a.yaml:1:2: hm"]}
    done = ctl("reload")
    assert done.returncode == 0
    assert "2 added, 1 removed, 0 changed, 5 unchanged" in done.stdout
    assert "warning: a.yaml:1:2: hm" in done.stderr
    fake.answers["reload"] = No("config", "a.yaml:3:1: unknown key")
    done = ctl("reload")
    assert done.returncode == 1
    assert "a.yaml:3:1: unknown key" in done.stderr
    assert "nothing was changed" in done.stderr


def test_drain(ctl, fake):
    fake.answers["drain"] = {"connections": 2}
    done = ctl("drain", "pg")
    assert done.returncode == 0
    assert "pg: draining, 2 connections left" in done.stderr
    assert ctl("drain", "--resume", "pg").returncode == 0
    assert ctl("drain").returncode == 0
    assert fake.requests == [
        {"op": "drain", "forward": "pg"},
        {"op": "drain", "forward": "pg", "resume": True},
        {"op": "drain"}]


def test_drain_wait(ctl, fake):
    fake.answers["drain"] = {"connections": 2}
    fake.answers["connections"] = [{"connections": [{"id": 1}]},
                                   {"connections": []}]
    done = ctl("drain", "pg", "--wait", "3")
    assert done.returncode == 0
    assert "pg: drained" in done.stderr
    assert fake.requests[0]["timeout_ms"] == 3000
    assert fake.ops() == ["drain", "connections", "connections"]


def test_drain_takes_too_long(ctl, fake):
    """A daemon that does not reset what is left is not waited for."""
    fake.answers["drain"] = {"connections": 1}
    fake.answers["connections"] = {"connections": [{"id": 1}]}
    began = time.monotonic()
    done = ctl("drain", "pg", "--wait", "0.1")
    assert done.returncode == 75
    assert "1 still open" in done.stderr
    assert time.monotonic() - began < 4


def test_drain_until_the_daemon_ends(ctl, fake):
    fake.answers["drain"] = {"connections": 2}

    def last(request):
        os.unlink(fake.path)
        return {**STATUS, "connections": 1}

    fake.answers["status"] = last
    assert ctl("drain", "--wait", "3").returncode == 0


def test_connections_and_kill(ctl, fake):
    fake.answers["connections"] = {"connections": [
        {"id": 42, "forward": "pg", "client": "127.0.0.1:51234",
         "target": "", "state": "dialling", "age_ms": 1500, "bytes_up": 0,
         "bytes_down": 999}]}
    done = ctl("connections", "pg")
    assert done.stdout.splitlines()[1].split() == [
        "42", "pg", "127.0.0.1:51234", "dialling", "1", "s", "999", "0"]
    assert fake.requests[0] == {"op": "connections", "forward": "pg"}
    fake.answers["kill"] = {}
    assert ctl("kill", "42").returncode == 0
    assert fake.requests[1] == {"op": "kill", "connection": 42}


def test_peers(ctl, fake):
    fake.answers["peers"] = {"peers": [
        {"number": 0, "public_key": "A" * 43 + "=", "endpoint": "",
         "endpoint_name": "gw.example:51820", "allowed_ips": 1, "state": "up",
         "last_handshake_at": int(time.time()) - 100, "rx_bytes": 0,
         "tx_bytes": 123456}]}
    done = ctl("peers", "--tunnel", "fly")
    words = done.stdout.splitlines()[1].split()
    assert words[:4] == ["0", "AAAAAAAA", "gw.example:51820", "up"]
    assert words[4:] == ["1", "min", "ago", "0", "121K"]


def test_version(ctl, fake):
    fake.answers["version"] = {"program": "wgproxyd", "version": "0.1.0",
                               "protocol": 1, "pid": 7, "started_at": 1}
    done = ctl("version")
    assert done.stdout == "proxyctl 0.1.0\nwgproxyd 0.1.0, pid 7\n"


def on_terminal(args, environment, columns=80):
    """Standard output as a terminal of a width sees it."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen([PROXYCTL, *args], stdout=theirs,
                            stderr=subprocess.DEVNULL,
                            env={**environment, "COLUMNS": str(columns)})
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        text += part
    os.close(ours)
    assert done.wait(5) == 0
    return text.decode().replace("\r\n", "\n")


def test_colours(fake, environment):
    fake.answers["list"] = {"forwards": [forward()]}
    args = ["--socket", fake.path, "ls"]
    assert "\033" not in on_terminal(args, environment)
    environment["TERM"] = "xterm"
    assert "\033[32mlistening\033[0m" in on_terminal(args, environment)
    environment["NO_COLOR"] = "1"
    assert "\033" not in on_terminal(args, environment)


def test_narrow_terminal(fake, environment):
    fake.answers["list"] = {"forwards": [
        forward("a-name-that-is-long",
                to="a-very-long-name-of-an-app-in-ams.internal:5432")]}
    args = ["--socket", fake.path, "ls"]
    lines = on_terminal(args, environment).splitlines()
    assert max(map(len, lines)) == 80
    assert ".." in lines[1]
    assert lines[1].split()[-4:] == ["listening", "3", "5.0M", "2.0K"]
