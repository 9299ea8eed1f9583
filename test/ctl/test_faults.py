# SPDX-License-Identifier: ISC
"""No daemon, wrong daemons, wrong command lines: exit codes and messages."""

import os
import shutil
import socket
import subprocess
import threading
import time

import pytest

from conftest import PROXYCTL
from fake import No, forward, line_of


@pytest.mark.parametrize("args, message", [
    ([], "Usage: proxyctl"),
    (["stauts"], "did you mean status?"),
    (["xyzzy"], "see proxyctl --help"),
    (["ls", "extra"], "unexpected \"extra\""),
    (["rm"], "write proxyctl rm FORWARD"),
    (["rm", "--kil", "pg"], "did you mean --kill?"),
    (["rm", "--xyzzy", "pg"], "see proxyctl rm --help"),
    (["--kill", "rm", "pg"], "come after it"),
    (["ls", "--json=yes"], "--json takes no value"),
    (["ls", "--timeout"], "--timeout needs a value"),
    (["ls", "--timeout", "soon"], "not a number of seconds"),
    (["ls", "--timeout", "0"], "not a number of seconds"),
    (["ls", "--timeout", "1."], "not a number of seconds"),
    (["ls", "--timeout", "86401"], "not a number of seconds"),
    (["ping", "-c", "-1", "a"], "not a number"),
    (["add", "15432:5432"], "-a APP"),
    (["add", "15432"], "15432"),
    (["add", "x:a:1"], "not a port to listen on"),
    (["add", "1:a:2", "--allow", "10.0.0.0/33"], "not a prefix"),
    (["add", "1:a:2", "--address-policy", "best"], "sticky random first"),
    (["kill", "pg"], "not a number"),
    (["status", "--watch", "--check"], "do not go together"),
    (["drain", "--wait", "1", "--resume"], "do not go together"),
    (["help", "lss"], "did you mean ls?"),
    (["completion", "tcsh"], "bash zsh fish"),
    (["--socket", "/" + "x" * 120, "ls"], "longer than 107"),
])
def test_usage(run, args, message):
    done = run(*args)
    assert done.returncode == 64
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("args", [
    ["--help"], ["-h"], ["help"], ["help", "add"], ["add", "--help"],
    ["--help", "add"], ["--version"]])
def test_help(run, args):
    done = run(*args)
    assert done.returncode == 0
    assert "proxyctl" in done.stdout
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_of_every_command(run):
    listed = run("--help").stdout.split("\n\n")[2]
    names = [line.split()[0] for line in listed.splitlines()]
    assert {"add", "psql", "completion"} < set(names)
    for name in names:
        done = run(name, "--help")
        assert done.returncode == 0
        assert "Examples:\n  proxyctl %s" % name in done.stdout or \
            name == "completion"
        assert max(map(len, done.stdout.splitlines())) <= 80


def test_no_socket(run, tmp_path):
    done = run("--socket", tmp_path / "none", "ls")
    assert done.returncode == 69
    assert "start wgproxyd" in done.stderr


def test_left_over_socket(run, tmp_path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    done = run("--socket", tmp_path / "left", "ls")
    assert done.returncode == 69
    assert "nobody listens there" in done.stderr


def test_not_permitted(run, tmp_path, fake):
    """Root may open everything, so root goes without its rights here."""
    prefix = []
    os.chmod(fake.path, 0)
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=65534", "--regid=65534",
                  "--clear-groups"]
        for folder in tmp_path, *tmp_path.parents[:3]:
            if str(folder) != "/tmp":
                os.chmod(folder, 0o755)
    folder = tmp_path / "bin"
    folder.mkdir()
    copy = shutil.copy(PROXYCTL, folder / "proxyctl")
    done = subprocess.run([*prefix, copy, "--socket", fake.path, "ls"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 77
    assert "permission denied" in done.stderr


def test_search_order(run, fake, environment, tmp_path):
    fake.answers["list"] = {"forwards": []}
    environment["WGPROXYD_SOCKET"] = fake.path
    assert run("ls").returncode == 0
    assert run("--socket", tmp_path / "none", "ls").returncode == 69
    environment["WGPROXYD_SOCKET"] = ""
    (tmp_path / "wgproxyd").mkdir()
    os.symlink(fake.path, tmp_path / "wgproxyd" / "control.sock")
    environment["XDG_RUNTIME_DIR"] = str(tmp_path)
    assert run("ls").returncode == 0
    assert len(fake.requests) == 2


@pytest.mark.parametrize("code, exit_code", [
    ("denied", 77), ("timeout", 75), ("busy", 1), ("internal", 1),
    ("permission", 1), ("a_new_code", 1)])
def test_error_codes(ctl, fake, code, exit_code):
    fake.answers["reload"] = No(code, "a sentence")
    done = ctl("reload")
    assert done.returncode == exit_code
    assert "proxyctl: a sentence\n" in done.stderr


def test_hangs(ctl, fake):
    fake.answers["list"] = None
    began = time.monotonic()
    done = ctl("ls", "--timeout", "0.5")
    assert done.returncode == 75
    assert "within 0.5 s" in done.stderr
    assert 0.4 < time.monotonic() - began < 5


def test_drips(ctl, fake):
    """Bytes that come do not extend the time for the whole."""
    real = fake._serve

    def drip(client):
        def loop():
            try:
                while True:
                    client.send(b" ")
                    time.sleep(0.1)
            except OSError:
                client.close()
        threading.Thread(target=loop, daemon=True).start()

    fake._serve = drip
    done = ctl("ls", "--timeout", "0.7")
    fake._serve = real
    assert done.returncode == 75


@pytest.mark.parametrize("answer", [
    b"",
    b"\n",
    b"{\"v\":1,\"ok\":true",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"[]\n",
    b"{}\n",
    b"null\n",
    b"\xff\xfe\n",
    b"{\"v\":1,\"ok\":true,\"result\":\"a\\u0000b\"}\n",
    line_of({"v": 2, "ok": True, "result": {"forwards": []}}),
    line_of({"v": "1", "ok": True, "result": {"forwards": []}}),
    line_of({"v": 1, "ok": True}),
    line_of({"v": 1, "ok": True, "result": []}),
    line_of({"v": 1, "ok": "true", "result": {}}),
    line_of({"v": 1, "ok": True, "result": {}}),
    line_of({"v": 1, "ok": True, "result": {"forwards": {}}}),
    line_of({"v": 1, "ok": False}),
    line_of({"v": 1, "ok": False, "error": "x"}),
    line_of({"v": 1, "ok": False, "error": {"code": 1, "message": "x"}}),
    b"{\"v\":1,\"v\":1,\"ok\":true,\"result\":{\"forwards\":[]}}\n",
    b"[" * 60000 + b"\n",
    b"{\"v\":1,\"ok\":true,\"result\":{\"forwards\":"
    + b"[" * 20 + b"]" * 20 + b"}}\n",
    b"x" * 65536,
    b"x" * 10000000,
    line_of({"v": 1, "ok": True, "result": {"forwards": [], "x": "y" * 70000}}),
])
def test_wrong_replies(ctl, fake, answer):
    fake.answers["list"] = answer
    done = ctl("ls", "--timeout", "5")
    assert done.returncode == 69
    assert done.stdout == ""
    assert done.stderr.startswith("proxyctl: ")
    assert len(done.stderr) < 1000


@pytest.mark.parametrize("member", [
    "name", "listen", "to", "state", "connections", "bytes_up", "text"])
@pytest.mark.parametrize("value", [None, -1, 1e300, [], {}, "x" * 5000, True])
def test_wrong_members(ctl, fake, member, value):
    """Members of other types than expected are shown as nothing."""
    fake.answers["list"] = {"forwards": [forward(**{member: value}), 17]}
    done = ctl("ls")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3


def test_largest_reply(ctl, fake):
    """65535 bytes and the line feed are one line."""
    whole = line_of({"v": 1, "ok": True,
                     "result": {"forwards": [], "x": ""}})
    fill = b"y" * (65536 - len(whole))
    fake.answers["list"] = whole.replace(b'"x": ""', b'"x": "' + fill + b'"')
    assert len(fake.answers["list"]) == 65536
    assert ctl("ls").returncode == 0


def test_speaks_before_it_is_asked(run, tmp_path):
    """A daemon that is full says so and closes without reading."""
    path = str(tmp_path / "full")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)

    def refuse():
        client, _ = listener.accept()
        client.sendall(line_of({"v": 1, "ok": False, "error": {
            "code": "busy", "message": "16 clients are enough"}}))
        client.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    done = run("--socket", path, "ls")
    thread.join()
    listener.close()
    assert done.returncode == 1
    assert "16 clients are enough" in done.stderr


def test_output_that_cannot_be_written(ctl, fake):
    fake.answers["list"] = {"forwards": []}
    with open("/dev/full", "w") as full:
        done = ctl("ls", stdout=full)
    assert done.returncode == 1
    assert "standard output" in done.stderr


def test_long_request(ctl, fake):
    fake.answers["resolve"] = {"addresses": []}
    assert ctl("resolve", "a" * 70000).returncode == 64
    assert fake.requests == []


def test_argument_that_is_no_text(run, fake):
    done = run("--socket", fake.path, "resolve",
               os.fsdecode(b"\xff\xfe"))
    assert done.returncode == 64
    assert "UTF-8" in done.stderr
    assert fake.requests == []
