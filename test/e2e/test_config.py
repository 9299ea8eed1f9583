# SPDX-License-Identifier: ISC
"""Command lines and configurations: what is wrong is said, and where."""

import os
import subprocess

import pytest

from lab.daemon import binary
from lab.wireguard import Keys

KEYS = Keys()
PEER = Keys()
GOOD = """\
tunnels:
  fly:
    private_key_file: fly.key
    address: [fdaa:0:18:a7b:d6b:0:a:2/120]
    dns: [fdaa:0:18::3]
    peers:
      - public_key: %s
        endpoint: 192.0.2.2:51820
        allowed_ips: [fdaa:0:18::/48]
forwards:
  - listen: 15432
    to: appname.internal:5432
""" % PEER.public
QUICK = """
[Interface]
PrivateKey = %s
Address = fdaa:0:18:a7b:d6b:0:a:2/120
DNS = fdaa:0:18::3

[Peer]
PublicKey = %s
AllowedIPs = fdaa:0:18::/48
Endpoint = 192.0.2.2:51820
PersistentKeepalive = 15

""" % (KEYS.private, PEER.public)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "fly.key", KEYS.private + "\n")
    write(tmp_path / "fly.conf", QUICK)
    write(tmp_path / "wgproxyd.yaml", GOOD)
    return tmp_path


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)


def wgproxyd(folder, *args):
    """(exit code, standard output, standard error)"""
    done = subprocess.run([binary()] + list(args), cwd=folder, text=True,
                          capture_output=True, timeout=20,
                          stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"], "HOME": "/none"})
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("args", [
    ["--config", "wgproxyd.yaml", "--check"],
    ["--config=wgproxyd.yaml", "--check"],
    ["--wireguard", "fly.conf", "--forward",
     "15432:appname.internal:5432", "--check"],
])
def test_good(folder, args):
    assert wgproxyd(folder, *args)[0] == 0


# What is changed in the good file, and what the message must hold.
BROKEN = {
    "unknown key": ("listen: 15432", "lisetn: 15432",
                    ["wgproxyd.yaml:11:5", "lisetn", "listen"]),
    "no port": ("appname.internal:5432", "appname.internal",
                ["wgproxyd.yaml:12:", "appname.internal", "port"]),
    "port too big": ("listen: 15432", "listen: 99999",
                     ["wgproxyd.yaml:11:13", "99999"]),
    "bad key": (PEER.public, "not+a+key=",
                ["wgproxyd.yaml:7:", "key"]),
    "bad address": ("fdaa:0:18:a7b:d6b:0:a:2/120", "fdaa::xyz/120",
                    ["wgproxyd.yaml:4:", "fdaa::xyz"]),
    "endpoint without port": ("192.0.2.2:51820", "192.0.2.2",
                              ["wgproxyd.yaml:8:", "port"]),
    "duplicate key": ("    dns:", "    dns: [fdaa::3]\n    dns:",
                      ["wgproxyd.yaml:6:5", "dns"]),
    "not YAML": ("forwards:", "forwards: [",
                 ["wgproxyd.yaml:"]),
    "no key file": ("fly.key", "none.key",
                    ["wgproxyd.yaml:3:23", "private_key_file",
                     "No such file"]),
    "no tunnel of that name": ("    to:", "    tunnel: staging\n    to:",
                               ["wgproxyd.yaml:12:", "staging"]),
    "anchor": ("[fdaa:0:18::3]", "&a [fdaa:0:18::3]",
               ["wgproxyd.yaml:5:"]),
    "the port twice": ("  - listen: 15432", "  - 15432:four.internal:1\n"
                       "  - listen: 15432", ["wgproxyd.yaml:", "15432"]),
    "wrong prefix length": ("::/48", "::/148",
                            ["wgproxyd.yaml:9:", "/148"]),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "start"])
def test_broken(folder, case, check):
    old, new, wanted = BROKEN[case]
    assert GOOD.count(old) == 1
    write(folder / "wgproxyd.yaml", GOOD.replace(old, new))
    code, out, err = wgproxyd(folder, "--config", "wgproxyd.yaml", *check)
    assert (code, out) == (78, "")
    assert len(err.splitlines()) == 1 and len(err) < 400, err
    for part in wanted:
        assert part in err, err


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_key_file_open_to_others(folder, mode):
    (folder / "fly.key").chmod(mode)
    code, _, err = wgproxyd(folder, "--config", "wgproxyd.yaml", "--check")
    assert code == 78
    assert "wgproxyd.yaml:3:23" in err and "chmod 600" in err
    assert KEYS.private not in err


def test_no_such_file(folder):
    code, _, err = wgproxyd(folder, "--config", "none.yaml")
    assert code == 78 and "none.yaml" in err


def test_broken_wg_quick_file(folder):
    write(folder / "fly.conf", QUICK.replace("AllowedIPs", "AlowedIPs"))
    code, _, err = wgproxyd(folder, "--wireguard", "fly.conf", "--forward",
                            "15432:appname.internal:5432", "--check")
    assert code == 78
    assert "fly.conf:9" in err and "AllowedIPs" in err


def test_secrets_stay_out_of_messages(folder):
    write(folder / "fly.conf", QUICK.replace(KEYS.private,
                                             KEYS.private + "x"))
    code, out, err = wgproxyd(folder, "--wireguard", "fly.conf", "--forward",
                              "15432:appname.internal:5432", "--check")
    assert code == 78
    assert KEYS.private[:20] not in out + err


@pytest.mark.parametrize("args, wanted", [
    (["--confg", "x"], "--config"),
    (["--config"], "--config"),
    (["--config", "a", "--config", "b"], "--config"),
    (["--config", "a", "--wireguard", "b"], "--wireguard"),
    (["--check=yes", "--config", "wgproxyd.yaml"], "--check"),
    (["--log-level", "loud", "--config", "wgproxyd.yaml"], "loud"),
    (["15432:appname.internal:5432"], "--forward"),
    (["-x"], "-x"),
])
def test_wrong_command_line(folder, args, wanted):
    code, out, err = wgproxyd(folder, *args)
    assert (code, out) == (64, "")
    assert wanted in err and len(err.splitlines()) <= 3


def test_help_and_version(folder):
    code, out, err = wgproxyd(folder, "--help")
    assert (code, err) == (0, "") and "--wireguard" in out
    code, out, err = wgproxyd(folder, "--version")
    assert (code, err) == (0, "") and out.startswith("wgproxyd ")
