# SPDX-License-Identifier: ISC
"""Commands that need no daemon, and psql."""

import os
import re
import shutil
import stat
import subprocess

import pytest

from conftest import PROXYCTL
from fake import No, forward

PRIVATE = "YI3ZNZSAqu1xkWmHF0iKTS2xzbPNTmqYcwiyiWL1FGM="
PUBLIC = "wD4Zz0mwFxGx+FkZF5wGZmY4hVU6rRTjGJ8n4lR2ryg="
CONF = """
[Interface]
PrivateKey = %s
Address = fdaa:0:18:a7b:d6b:0:a:2/120
DNS = fdaa:0:18::3

[Peer]
PublicKey = %s
AllowedIPs = fdaa:0:18::/48
Endpoint = ams1.gateway.example:51820
PersistentKeepalive = 15
""" % (PRIVATE, PUBLIC)
FLYCTL = """
access_token: fm2_secret,fm2_more
wire_guard_websockets: false
wire_guard_state:
    personal:
        org: personal
        name: interactive-host-someone
        region: ams
        localpublic: %(public)s
        localprivate: %(private)s
        dns: ""
        peer:
            peerip: fdaa:0:18:a7b:d6b:0:a:2
            endpointip: ams1.gateway.example
            pubkey: %(public)s
""" % {"private": PRIVATE, "public": PUBLIC}
SECOND = """    staging:
        localprivate: %s
        peer: {peerip: "fdaa:0:19::2", endpointip: "2001:db8::1", pubkey: %s}
""" % (PRIVATE, PUBLIC)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# ------------------------------------------------------------------- keys

def test_genkey_pubkey(run):
    key = run("genkey").stdout
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=\n", key)
    assert key != run("genkey").stdout
    public = run("pubkey", input=key)
    assert public.returncode == 0
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=\n", public.stdout)
    if shutil.which("wg"):
        theirs = subprocess.run(["wg", "pubkey"], input=key, text=True,
                                capture_output=True, check=True)
        assert public.stdout == theirs.stdout


def test_genkey_file(run, tmp_path):
    path = tmp_path / "a.key"
    old = os.umask(0)
    try:
        done = run("genkey", path)
    finally:
        os.umask(old)
    assert done.returncode == 0
    assert mode(path) == 0o600
    key = path.read_text()
    assert done.stdout == run("pubkey", input=key).stdout
    again = run("genkey", path)
    assert again.returncode == 1
    assert "not overwritten" in again.stderr
    assert path.read_text() == key


def test_genkey_into_exposed_file(run, tmp_path):
    path = tmp_path / "open.key"
    with open(path, "w") as file:
        os.chmod(path, 0o644)
        done = run("genkey", stdout=file)
    assert done.returncode == 1
    assert path.read_text() == ""
    with open(path, "w") as file:
        os.chmod(path, 0o600)
        assert run("genkey", stdout=file).returncode == 0
    assert len(path.read_text()) == 45


@pytest.mark.parametrize("text", ["", "x\n", PRIVATE[:-2] + "\n",
                                  PRIVATE + PRIVATE, "A" * 5000])
def test_pubkey_of_nonsense(run, text):
    done = run("pubkey", input=text)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no key" in done.stderr


# ----------------------------------------------------------------- import

@pytest.fixture
def files(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "fly.conf").write_text(CONF)
    os.chmod(tmp_path / "in" / "fly.conf", 0o600)
    (tmp_path / "in" / "config.yml").write_text(FLYCTL)
    return tmp_path


def load(run, config):
    """The daemon finds nothing wrong with it."""
    daemon = os.path.join(os.path.dirname(PROXYCTL), "wgproxyd")
    done = subprocess.run([daemon, "--check", "--config", config],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_new(run, files):
    config = files / "a" / "b" / "wgproxyd.yaml"
    done = run("import", files / "in" / "fly.conf", "--config", config)
    assert done.returncode == 0, done.stderr
    assert done.stdout == str(files / "a" / "b" / "fly.conf") + "\n"
    assert "wrote %s" % config in done.stderr
    assert (files / "a" / "b" / "fly.conf").read_text() == CONF
    assert mode(files / "a" / "b" / "fly.conf") == 0o600
    assert mode(files / "a" / "b") == 0o700
    assert config.read_text() == \
        "tunnels:\n  fly:\n    wireguard: fly.conf\n"
    load(run, config)
    assert PRIVATE not in done.stdout + done.stderr


def test_import_default_place(run, files, environment):
    if os.geteuid() == 0:
        pytest.skip("root's configuration is the system's")
    environment["XDG_CONFIG_HOME"] = str(files / "xdg")
    done = run("import", files / "in" / "fly.conf", "--name", "x")
    assert done.returncode == 0
    assert (files / "xdg" / "wgproxyd" / "x.conf").exists()


@pytest.mark.parametrize("before, after", [
    ("# mine\ntunnels:\n    # all\n    old:\n        wireguard: old.conf\n"
     "limits: {connections: 10}\n",
     "# mine\ntunnels:\n    fly:\n        wireguard: fly.conf\n    # all\n"
     "    old:\n        wireguard: old.conf\nlimits: {connections: 10}\n"),
    ("limits: {connections: 10}",
     "limits: {connections: 10}\ntunnels:\n  fly:\n"
     "    wireguard: fly.conf\n"),
    ("tunnels: # none yet\n",
     "tunnels: # none yet\n  fly:\n    wireguard: fly.conf\n"),
    ("tunnels:", "tunnels:\n  fly:\n    wireguard: fly.conf\n"),
    ("", "tunnels:\n  fly:\n    wireguard: fly.conf\n"),
])
def test_import_extends(run, files, before, after):
    config = files / "wgproxyd.yaml"
    config.write_text(before)
    os.chmod(config, 0o640)
    (files / "old.conf").write_text(CONF.replace("0:18", "0:17"))
    os.chmod(files / "old.conf", 0o600)
    done = run("import", files / "in" / "fly.conf", "--config", config)
    assert done.returncode == 0, done.stderr
    assert "extended" in done.stderr
    assert config.read_text() == after
    assert mode(config) == 0o640
    assert not (files / "wgproxyd.yaml.new").exists()


@pytest.mark.parametrize("text, message", [
    ("tunnels: {a: {wireguard: a.conf}}\n", "add by hand"),
    ("tunnels:\n  fly:\n    wireguard: other.conf\n", "stays as it was"),
    ("lisetn: 1\n", "stays as it was"),
    ("{}\n", "stays as it was"),
])
def test_import_leaves_alone(run, files, text, message):
    config = files / "wgproxyd.yaml"
    config.write_text(text)
    before = sorted(os.listdir(files))
    done = run("import", files / "in" / "fly.conf", "--config", config)
    assert done.returncode == 1
    assert message in done.stderr
    assert config.read_text() == text
    assert sorted(os.listdir(files)) == before


def test_import_never_overwrites(run, files):
    config = files / "wgproxyd.yaml"
    (files / "fly.conf").write_text("mine\n")
    done = run("import", files / "in" / "fly.conf", "--config", config)
    assert done.returncode == 1
    assert "not overwritten" in done.stderr
    assert (files / "fly.conf").read_text() == "mine\n"
    assert not config.exists()
    done = run("import", files / "in" / "fly.conf", "--config", config,
               "--name", "other")
    assert done.returncode == 0
    assert (files / "other.conf").exists()


def test_import_in_place(run, files):
    config = files / "in" / "wgproxyd.yaml"
    done = run("import", files / "in" / "fly.conf", "--config", config)
    assert done.returncode == 0, done.stderr
    assert (files / "in" / "fly.conf").read_text() == CONF
    load(run, config)


def test_import_keeps_link(run, files):
    real = files / "real.yaml"
    real.write_text("limits: {connections: 10}\n")
    os.symlink(real, files / "wgproxyd.yaml")
    done = run("import", files / "in" / "fly.conf", "--config",
               files / "wgproxyd.yaml")
    assert done.returncode == 0, done.stderr
    assert os.path.islink(files / "wgproxyd.yaml")
    assert "fly:" in real.read_text()


def test_import_flyctl(run, files):
    config = files / "out" / "wgproxyd.yaml"
    done = run("import", files / "in" / "config.yml", "--config", config)
    assert done.returncode == 0, done.stderr
    text = (files / "out" / "personal.conf").read_text()
    assert mode(files / "out" / "personal.conf") == 0o600
    for line in ("PrivateKey = " + PRIVATE,
                 "Address = fdaa:0:18:a7b:d6b:0:a:2/120",
                 "DNS = fdaa:0:18::3, internal", "PublicKey = " + PUBLIC,
                 "AllowedIPs = fdaa:0:18::/48",
                 "Endpoint = ams1.gateway.example:51820"):
        assert line + "\n" in text
    load(run, config)
    assert PRIVATE not in done.stdout + done.stderr


def test_import_flyctl_several(run, files):
    config = files / "out" / "wgproxyd.yaml"
    (files / "in" / "config.yml").write_text(FLYCTL + SECOND)
    done = run("import", files / "in" / "config.yml", "--config", config)
    assert done.returncode == 1
    assert "name one of personal, staging" in done.stderr
    done = run("import", files / "in" / "config.yml", "--config", config,
               "--org", "nobody")
    assert done.returncode == 1
    assert "no such organisation" in done.stderr
    for org in "staging", "personal":
        done = run("import", files / "in" / "config.yml", "--config", config,
                   "--org", org)
        assert done.returncode == 0, done.stderr
    assert "[2001:db8::1]:51820" in (files / "out/staging.conf").read_text()
    load(run, config)


@pytest.mark.parametrize("old, new", [
    (PRIVATE, "x"), ("peerip: fdaa", "peerip: x"), ("endpointip", "end"),
    ("wire_guard_state", "state"), ("pubkey", "key"),
    ("dns: \"\"", "dns: x"), ("        peer:\n", "")])
def test_import_flyctl_broken(run, files, old, new):
    path = files / "in" / "config.yml"
    path.write_text(FLYCTL.replace(old, new))
    done = run("import", path, "--config", files / "out" / "wgproxyd.yaml")
    assert done.returncode == 1
    assert not (files / "out").exists()
    for secret in PRIVATE, "fm2_secret":
        assert secret not in done.stderr


@pytest.mark.parametrize("text", ["", "[Interface]\n", "[Peer]\n", "x\n",
                                  "\0", "# only\n"])
def test_import_nonsense(run, files, text):
    path = files / "in" / "x.conf"
    path.write_text(text)
    done = run("import", path, "--config", files / "out" / "wgproxyd.yaml")
    assert done.returncode == 1
    assert done.stderr != ""
    assert not (files / "out").exists()


# ------------------------------------------------------------------- psql

@pytest.fixture
def psql(environment, tmp_path):
    """A psql that prints how it was called."""
    folder = tmp_path / "path"
    folder.mkdir()
    script = folder / "psql"
    script.write_text("#!/bin/sh\necho \"$PGHOST|$PGHOSTADDR|$PGPORT|$*\"\n"
                      "exit 3\n")
    script.chmod(0o755)
    environment["PATH"] = str(folder)
    environment["PGHOSTADDR"] = "192.0.2.1"
    return folder


@pytest.mark.parametrize("what, there, expected", [
    ("pg", {}, "appname.internal|127.0.0.1|15432|"),
    ("15432", {}, "appname.internal|127.0.0.1|15432|"),
    ("appname", {}, "appname.internal|127.0.0.1|15432|"),
    ("appname.internal", {}, "appname.internal|127.0.0.1|15432|"),
    ("pg", {"listen": "10.0.0.1:15432"},
     "appname.internal|10.0.0.1|15432|"),
    ("pg", {"listen": "0.0.0.0:15432"}, "appname.internal|127.0.0.1|15432|"),
    ("pg", {"listen": "[::]:15432"}, "appname.internal|::1|15432|"),
    ("pg", {"listen": "[fd00::1]:15432"}, "appname.internal|fd00::1|15432|"),
    ("pg", {"listen": "/run/pg/.s.PGSQL.5433", "port": 0},
     "/run/pg||5433|"),
])
def test_psql(ctl, fake, psql, what, there, expected):
    fake.answers["list"] = {"forwards": [forward(**there)]}
    done = ctl("psql", what)
    assert (done.returncode, done.stdout) == (3, expected + "\n")
    assert fake.ops() == ["list"]


def test_psql_arguments(ctl, fake, psql):
    fake.answers["list"] = {"forwards": [forward()]}
    done = ctl("psql", "pg", "--", "-U", "me", "--help")
    assert done.stdout.endswith("|-U me --help\n")


def test_psql_adds(ctl, fake, psql):
    fake.answers["list"] = {"forwards": [forward("other", to="b.internal:1")]}
    fake.answers["add"] = {"existing": False, "forward": forward(
        "appname", listen="localhost:40001", port=40001)}
    done = ctl("psql", "appname", "--tunnel", "fly")
    assert done.stdout == "appname.internal|127.0.0.1|40001|\n"
    assert "proxyctl rm appname" in done.stderr
    assert fake.requests[1] == {
        "op": "add", "spec": "0:appname.internal:5432", "temporary": True,
        "tunnel": "fly"}


def test_psql_refused(ctl, fake, psql):
    fake.answers["list"] = {"forwards": []}
    fake.answers["add"] = No("full", "no more forwards")
    assert ctl("psql", "appname").returncode == 1
    assert ctl("psql", "no/app").returncode == 64


def test_psql_without_psql(ctl, fake, psql):
    (psql / "psql").unlink()
    fake.answers["list"] = {"forwards": [forward()]}
    done = ctl("psql", "pg")
    assert done.returncode == 69
    assert "postgresql-client" in done.stderr


def test_psql_needs_dashes(ctl, fake):
    done = ctl("psql", "pg", "mydb")
    assert done.returncode == 64
    assert "comes after --" in done.stderr


# ------------------------------------------------------------- completion

BASH = """
. <("$PROXYCTL" completion bash) || exit 9
proxyctl() { "$PROXYCTL" --socket "$SOCK" "$@"; }
COMP_WORDS=(%s) COMP_CWORD=%d
_proxyctl
printf '%%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("words, expected", [
    (["proxyctl", "sta"], {"status"}),
    (["proxyctl", "--socket", "x", "sta"], {"status"}),
    (["proxyctl", "rm", ""], {"pg", "redis"}),
    (["proxyctl", "rm", "--k"], {"--kill"}),
    (["proxyctl", "add", "--address-policy", ""],
     {"sticky", "random", "first"}),
    (["proxyctl", "completion", ""], {"bash", "zsh", "fish"}),
    (["proxyctl", "help", "stat"], {"status"}),
    (["proxyctl", "rm", "--timeout", ""], set()),
    (["proxyctl", "import", "some"], {"somefile"}),
    (["proxyctl", "network", "add"], {"add-client"}),
    (["proxyctl", "network", "list", "some"], {"somefile"}),
])
def test_bash_completion(ctl, fake, environment, tmp_path, words, expected):
    fake.answers["list"] = {"forwards": [forward("pg"), forward("redis")]}
    (tmp_path / "somefile").touch()
    script = BASH % (" ".join("'%s'" % w for w in words), len(words) - 1)
    done = subprocess.run(["bash", "-c", script], capture_output=True,
                          text=True, cwd=tmp_path,
                          env={**environment, "SOCK": fake.path,
                               "PROXYCTL": PROXYCTL})
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == expected
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_parses(run, shell):
    script = run("completion", shell)
    assert script.returncode == 0
    for command in "add", "psql", "completion":
        assert command in script.stdout
    if not shutil.which(shell):
        pytest.skip("no " + shell + " here")
    done = subprocess.run([shell, "-n"], input=script.stdout, text=True,
                          capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_fish_completes(run):
    if not shutil.which("fish"):
        pytest.skip("no fish here")
    done = subprocess.run(
        ["fish", "-c", "'%s' completion fish | source; "
         "complete -C 'proxyctl sta'; complete -C 'proxyctl rm --k'"
         % PROXYCTL], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == [
        "status\tshow the daemon, its tunnels and how they are",
        "--kill\treset its connections too"]


def test_zsh_loads(run):
    if not shutil.which("zsh"):
        pytest.skip("no zsh here")
    done = subprocess.run(
        ["zsh", "-fc", "autoload -U compinit; compinit -D; "
         ". <('%s' completion zsh); print $_comps[proxyctl]" % PROXYCTL],
        capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("_proxyctl\n", "")
