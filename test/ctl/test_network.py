# SPDX-License-Identifier: ISC
"""proxyctl network: what it writes works, and nothing is lost."""

import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import threading

import pytest

from conftest import PROXYCTL
from fake import No

DAEMON = os.path.join(os.path.dirname(PROXYCTL), "wgproxyd")
GATEWAY = "gw.example.org:51820"


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def check(*args):
    """The daemon finds nothing to say about it."""
    done = subprocess.run([DAEMON, "--check", *map(str, args)],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == "configuration OK\n"


def conf(path):
    """A wg-quick file as {section: {key: value}}."""
    sections = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            sections[line] = section = {}
        elif line:
            key, value = line.split(" = ", 1)
            assert key not in section
            section[key] = value
    return sections


def snapshot(folder):
    return {p: p.read_bytes() if p.is_file() else None
            for p in folder.rglob("*")}


@pytest.fixture
def init(run, tmp_path):
    """Makes a network in tmp_path/net."""
    def init(*args, code=0, gateway=GATEWAY, **kwargs):
        done = run("network", "init", "--gateway", gateway, *args,
                   tmp_path / "net", **kwargs)
        assert done.returncode == code, done.stderr
        return done
    return init


@pytest.fixture
def net(init, tmp_path):
    init()
    return tmp_path / "net"


# ------------------------------------------------------------------- init

def test_init(run, init, tmp_path):
    old = os.umask(0)
    try:
        done = init("--clients", 3)
    finally:
        os.umask(old)
    net = tmp_path / "net"
    names = ["client1", "client2", "client3"]
    assert done.stdout.split() == [
        str(net / "gateway.yaml"), *(str(net / (n + ".conf")) for n in names)]
    assert sorted(os.listdir(net)) == sorted(
        ["gateway.yaml", "gateway.key",
         *(n + s for n in names for s in (".conf", ".psk"))])
    assert os.listdir(tmp_path) == ["net"]
    assert mode(net) == 0o700
    assert {mode(f) for f in net.iterdir()} == {0o600}
    check("--config", net / "gateway.yaml")

    keys = set()
    public = run("pubkey", input=(net / "gateway.key").read_text()).stdout
    yaml = (net / "gateway.yaml").read_text()
    prefix = re.search(r"address: \[(fd[0-9a-f:]+)1/48\]", yaml)[1]
    assert "listen_port: 51820\n" in yaml
    assert "dns: {zone: internal}\n" in yaml
    for number, name in enumerate(names, 2):
        mine = conf(net / (name + ".conf"))
        address = "%s%d/128" % (prefix, number)
        assert mine == {
            "[Interface]": {"PrivateKey": mine["[Interface]"]["PrivateKey"],
                            "Address": address,
                            "DNS": prefix + "1, internal"},
            "[Peer]": {"PublicKey": public.strip(),
                       "PresharedKey": mine["[Peer]"]["PresharedKey"],
                       "Endpoint": GATEWAY, "AllowedIPs": prefix + "/48",
                       "PersistentKeepalive": "25"}}
        psk = (net / (name + ".psk")).read_text().strip()
        private = mine["[Interface]"]["PrivateKey"]
        assert psk == mine["[Peer]"]["PresharedKey"]
        assert ("      - public_key: %s        preshared_key_file: %s.psk\n"
                "        allowed_ips: [%s]\n" % (
                    run("pubkey", input=private).stdout, name,
                    address)) in yaml
        keys |= {psk, private}
        check("--wireguard", net / (name + ".conf"), "--forward",
              "15432:appname.internal:5432")
    keys.add((net / "gateway.key").read_text().strip())
    assert len(keys) == 7
    for key in keys:
        assert key not in done.stdout + done.stderr + yaml


def test_networks_differ(run, tmp_path):
    prefixes = set()
    for name in "abc":
        done = run("network", "init", "--gateway", GATEWAY, "--json",
                   tmp_path / name)
        prefixes.update(json.loads(done.stdout)["prefixes"])
    assert len(prefixes) == 3


@pytest.mark.skipif(not shutil.which("wg-quick"), reason="no wg-quick here")
def test_wg_quick_takes_it(init, tmp_path):
    init("--ipv4", "10.77.0.0/24")
    path = tmp_path / "net" / "client1.conf"
    done = subprocess.run(["wg-quick", "strip", path], capture_output=True,
                          text=True)
    assert (done.returncode, done.stderr) == (0, "")
    kept = path.read_text().replace(", ", ",").splitlines()
    for line in done.stdout.replace(", ", ",").splitlines():
        assert line in kept
    assert "Address" not in done.stdout and "DNS" not in done.stdout


def test_next_steps(init):
    said = init().stderr
    for part in ("gateway.yaml", "exposes:", "on gw.example.org",
                 "UDP port 51820", "wgproxyd --config", "wgproxyd --wireguard "
                 "client1.conf --forward 15432:appname.internal:5432"):
        assert part in said


@pytest.mark.parametrize("spec, line, forward", [
    ("appname=5432", '{listen: 5432, to: "localhost:5432", name: appname}',
     "15432:appname.internal:5432"),
    ("5432", '{listen: 5432, to: "localhost:5432", name: port-5432}',
     "15432:port-5432.internal:5432"),
    ("web=80:192.0.2.7:8080", '{listen: 80, to: "192.0.2.7:8080", name: web}',
     "10080:web.internal:80"),
    ("db=60000:/run/a b/s=1:x", '{listen: 60000, to: "/run/a b/s=1:x", '
     'name: db}', "60000:db.internal:60000"),
    ("1:/run/a=b", '{listen: 1, to: "/run/a=b", name: port-1}',
     "10001:port-1.internal:1"),
])
def test_expose(init, tmp_path, spec, line, forward):
    done = init("--expose", spec)
    yaml = (tmp_path / "net" / "gateway.yaml").read_text()
    assert yaml.endswith("exposes:\n  - %s\n" % line)
    assert "--forward %s\n" % forward in done.stderr
    check("--config", tmp_path / "net" / "gateway.yaml")


def test_shown_expose_works(net):
    """The line of comment, with its mark taken away."""
    path = net / "gateway.yaml"
    path.write_text(path.read_text().replace("#  - {listen", "  - {listen"))
    assert "\n  - {listen" in path.read_text()
    check("--config", path)


def test_shown_routing_works(net):
    path = net / "gateway.yaml"
    path.write_text(path.read_text().replace(
        "route_between_peers: false", "route_between_peers: true"))
    assert "peers: true" in path.read_text()
    check("--config", path)


def test_options(run, init, tmp_path):
    done = init("--name", "Corp.Example.", "--ipv4", "10.77.0.0/24",
                "--json", gateway="[2001:db8::1]:4500")
    result = json.loads(done.stdout)
    net = tmp_path / "net"
    assert result["gateway"] == "[2001:db8::1]:4500"
    assert result["zone"] == "corp.example"
    assert result["config"] == str(net / "gateway.yaml")
    assert result["prefixes"][1] == "10.77.0.0/24"
    client, = result["clients"]
    ula = client["addresses"][0]
    assert client["file"] == str(net / "client1.conf")
    mine = conf(net / "client1.conf")
    assert mine["[Interface]"]["Address"] == ula + "/128, 10.77.0.2/32"
    assert mine["[Interface]"]["DNS"] == \
        ula[:-1] + "1, 10.77.0.1, corp.example"
    assert mine["[Peer]"]["Endpoint"] == "[2001:db8::1]:4500"
    assert mine["[Peer]"]["AllowedIPs"] == ula[:-1] + "/48, 10.77.0.0/24"
    assert client["public_key"] == run(
        "pubkey", input=mine["[Interface]"]["PrivateKey"]).stdout.strip()
    check("--config", net / "gateway.yaml")
    check("--wireguard", net / "client1.conf")


def test_many_clients(init, run, tmp_path):
    init("--clients", 1000)
    check("--config", tmp_path / "net" / "gateway.yaml")
    done = run("network", "list", tmp_path / "net", "--json")
    clients = json.loads(done.stdout)["clients"]
    assert len({c["allowed_ips"][0] for c in clients}) == 1000


@pytest.mark.parametrize("args, message", [
    (["--gateway", "gw"], "--gateway"),
    (["--gateway", "gw:0"], "--gateway"),
    (["--clients", "0"], "--clients"),
    (["--clients", "1001"], "1000 are the most"),
    (["--name", "a b"], "zone"),
    (["--expose", "x=y"], "--expose"),
    (["--expose", "a b=5432"], "name"),
    (["--expose", "=5432"], "name"),
    (["--expose", "10.0.0.1:5432:5432"], "port alone"),
    (["--expose", "a=5432:db.example:5432"], "--expose"),
    (["--ipv4", "fd00::/8"], "IPv4"),
    (["--ipv4", "10.0.0.0/30", "--clients", "2"], "10.77.0.0/16"),
    (["--config", "x"], "--config"),
    (["extra"], "unexpected"),
])
def test_init_refused(run, tmp_path, args, message):
    done = run("network", "init", "--gateway", GATEWAY, tmp_path / "net",
               *args)
    assert done.returncode == 64
    assert message in done.stderr
    assert done.stdout == ""
    assert os.listdir(tmp_path) == []


def test_init_invalid_leaves_nothing(run, tmp_path):
    """Two of one name: only the whole configuration shows it."""
    done = run("network", "init", "--gateway", GATEWAY, "--expose", "a=1",
               "--expose", "a=2", tmp_path / "net")
    assert done.returncode == 1
    assert "a" in done.stderr and done.stdout == ""
    assert os.listdir(tmp_path) == []


def test_init_needs_gateway(run, tmp_path):
    done = run("network", "init", tmp_path / "net")
    assert done.returncode == 64
    assert "--gateway HOST:51820" in done.stderr


def test_init_twice(init, net, tmp_path):
    before = snapshot(tmp_path)
    done = init(code=1)
    assert "add-client" in done.stderr
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("args", [(), ("--json",)])
def test_init_folder_in_use(init, tmp_path, args):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "mine").write_text("kept")
    done = init(*args, code=1)
    assert "not there yet" in done.stderr
    assert done.stdout == ""
    assert snapshot(tmp_path) == {
        tmp_path / "net": None, tmp_path / "net" / "mine": b"kept"}


def test_init_folder_empty(init, tmp_path):
    (tmp_path / "net").mkdir(mode=0o755)
    init()
    assert mode(tmp_path / "net") == 0o700


def test_init_no_parent(run, tmp_path):
    done = run("network", "init", "--gateway", GATEWAY, tmp_path / "a" / "b")
    assert done.returncode == 1
    assert "No such file" in done.stderr
    assert os.listdir(tmp_path) == []


def test_init_full_disk(init, tmp_path):
    """A file cannot be written whole: as with a full disk."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))

    done = init("--clients", "2", code=1, preexec_fn=limit)
    assert "File too large" in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM,
                                 signal.SIGHUP])
def test_init_interrupted(environment, tmp_path, sig):
    """In the midst of many files: all are taken away again."""
    child = subprocess.Popen(
        [PROXYCTL, "network", "init", "--gateway", GATEWAY, "--clients",
         "1000", tmp_path / "net"], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and not list(tmp_path.glob("*/client2.conf")):
        pass
    child.send_signal(sig)
    assert child.wait(20) in (-sig, 0)
    if child.returncode != 0:
        assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- clients

def test_add_client(run, net):
    before = (net / "gateway.yaml").read_text()
    done = run("network", "add-client", net, "phone")
    assert (done.returncode, done.stdout) == (
        0, str(net / "phone.conf") + "\n")
    assert "wgproxyd --config" in done.stderr
    assert "proxyctl reload" in done.stderr
    first, mine = conf(net / "client1.conf"), conf(net / "phone.conf")
    assert mine["[Interface]"]["Address"] == \
        first["[Interface]"]["Address"].replace("::2/", "::3/")
    for key in "PublicKey", "Endpoint", "AllowedIPs", "PersistentKeepalive":
        assert mine["[Peer]"][key] == first["[Peer]"][key]
    assert mine["[Interface]"]["DNS"] == first["[Interface]"]["DNS"]
    assert mode(net / "phone.conf") == mode(net / "phone.psk") == 0o600
    assert (net / "phone.psk").read_text().strip() == \
        mine["[Peer]"]["PresharedKey"]
    after = (net / "gateway.yaml").read_text()
    added = ("      - public_key: %s        preshared_key_file: phone.psk\n"
             "        allowed_ips: [%s]\n" % (
                 run("pubkey",
                     input=mine["[Interface]"]["PrivateKey"]).stdout,
                 mine["[Interface]"]["Address"]))
    assert after == before.replace("\n\n", "\n" + added + "\n")
    assert mode(net / "gateway.yaml") == 0o600
    assert not (net / "gateway.yaml.new").exists()
    check("--config", net / "gateway.yaml")
    check("--wireguard", net / "phone.conf")


def test_list(run, net):
    run("network", "add-client", net, "phone")
    lines = run("network", "list", net).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "client1", "phone"]
    clients = json.loads(run("network", "list", "--json", net).stdout)
    assert [c["name"] for c in clients["clients"]] == ["client1", "phone"]
    assert clients["clients"][1]["allowed_ips"][0] + "" == \
        conf(net / "phone.conf")["[Interface]"]["Address"]


def test_names_and_addresses_go_on(run, net):
    added = [json.loads(run("network", "add-client", net, "--json").stdout)
             ["client"] for _ in range(3)]
    assert [c["name"] for c in added] == ["client2", "client3", "client4"]
    assert [c["addresses"][0][-3:] for c in added] == ["::3", "::4", "::5"]
    assert run("network", "remove-client", net, "client3").returncode == 0
    again = json.loads(run("network", "add-client", net, "--json").stdout)
    assert again["client"]["name"] == "client3"
    assert again["client"]["addresses"] == added[1]["addresses"]
    assert again["client"]["public_key"] != added[1]["public_key"]
    check("--config", net / "gateway.yaml")


def test_remove_client(run, net):
    first = (net / "gateway.yaml").read_text()
    run("network", "add-client", net, "phone")
    done = run("network", "remove-client", net, "phone")
    assert done.returncode == 0, done.stderr
    assert (net / "gateway.yaml").read_text() == first
    assert not (net / "phone.conf").exists()
    assert not (net / "phone.psk").exists()
    done = run("network", "remove-client", net, "phone")
    assert done.returncode == 1
    assert "no client phone" in done.stderr


def test_last_client_stays(run, net, tmp_path):
    before = snapshot(tmp_path)
    done = run("network", "remove-client", net, "client1")
    assert done.returncode == 1
    assert "only client" in done.stderr
    assert snapshot(tmp_path) == before


def test_comments_are_kept(run, net):
    """A person's file: what is said in it stays, and where it is."""
    path = net / "gateway.yaml"
    text = path.read_text()
    text = "# mine\n" + text.replace("    peers:", "    peers: # all\n"
                                     "      # the laptop") \
        .replace("\n\n", "  # of Ann\n      # no more\n\n")
    text = text.replace("51820\n    address", "4500 # moved\n    address")
    path.write_text(text)
    assert run("network", "add-client", net, "x").returncode == 0
    assert "4500 # moved" in path.read_text()
    assert "Endpoint = gw.example.org:51820" in \
        (net / "x.conf").read_text()
    assert run("network", "remove-client", net, "x").returncode == 0
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["", "-x", ".x", "a/b", "a b", "../x",
                                  "sixteenletters16", "gatewaü"])
def test_bad_name(run, net, tmp_path, name):
    before = snapshot(tmp_path)
    done = run("network", "add-client", "--", net, name)
    assert done.returncode == 64
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("file", ["x.conf", "x.psk", "gateway.yaml.new"])
def test_add_never_overwrites(run, net, tmp_path, file):
    (net / file).write_text("mine")
    before = snapshot(tmp_path)
    done = run("network", "add-client", net, "x")
    assert done.returncode == 1
    assert "not overwritten" in done.stderr
    assert snapshot(tmp_path) == before


def test_add_twice(run, net, tmp_path):
    before = snapshot(tmp_path)
    done = run("network", "add-client", net, "client1")
    assert done.returncode == 1
    assert "another name" in done.stderr
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("old, new, message", [
    ("    peers:\n", "    peers: [\n", "gateway.yaml:"),
    ("# gateway: ", "# ", "--gateway HOST:PORT"),
    ("listen_port: 51820", "lisen_port: 1", "lisen_port"),
    ("/48]", "/127]", "no address is left"),
])
def test_add_leaves_alone(run, net, tmp_path, old, new, message):
    path = net / "gateway.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    before = snapshot(tmp_path)
    done = run("network", "add-client", net)
    assert done.returncode == 1
    assert message in done.stderr
    assert snapshot(tmp_path) == before


def test_one_line_of_peers(run, net):
    path = net / "gateway.yaml"
    text = path.read_text()
    key = re.search(r"public_key: (.*)", text)[1]
    start, end = text.index("    peers:"), text.index("\n\n#")
    path.write_text(text[:start] + "    peers: [{public_key: %s, allowed_ips: "
                    "[fd00::2/128]}]" % key + text[end:])
    check("--config", path)
    done = run("network", "add-client", net)
    assert done.returncode == 1
    assert "by hand" in done.stderr


def test_further_tunnels(run, net):
    """The one whose peers stand in the file is the gateway's."""
    path = net / "gateway.yaml"
    (net / "other.conf").write_bytes((net / "client1.conf").read_bytes())
    os.chmod(net / "other.conf", 0o600)
    path.write_text(path.read_text().replace(
        "tunnels:\n", "tunnels:\n  other:\n    wireguard: other.conf\n")
        .replace("exposes:\n", ""))
    done = run("network", "add-client", net)
    assert done.returncode == 0, done.stderr
    assert [c["name"] for c in json.loads(
        run("network", "list", net, "--json").stdout)["clients"]] == [
            "client1", "client2"]


def test_gateway_given(run, net):
    path = net / "gateway.yaml"
    path.write_text(path.read_text().replace("# gateway: ", "# "))
    done = run("network", "add-client", net, "x", "--gateway", "b.example:1")
    assert done.returncode == 0, done.stderr
    assert "Endpoint = b.example:1\n" in (net / "x.conf").read_text()


@pytest.mark.parametrize("action", ["add-client", "list"])
def test_no_network(run, tmp_path, action):
    done = run("network", action, tmp_path)
    assert done.returncode == 1
    assert "network init" in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("args", [
    ["grow", "net"], ["list", "net", "x"], ["remove-client", "net"],
    ["list"], ["list", "net", "--clients", "2"]])
def test_wrong_words(run, args):
    assert run("network", *args).returncode == 64


def test_two_at_once(run, net):
    """Whoever comes second waits, and nobody is lost."""
    threads = [threading.Thread(target=run, args=("network", "add-client",
                                                  net, "c%d" % i))
               for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clients = json.loads(run("network", "list", net, "--json").stdout)
    assert {c["name"] for c in clients["clients"]} == {
        "client1", *("c%d" % i for i in range(8))}
    assert len({tuple(c["allowed_ips"]) for c in clients["clients"]}) == 9
    check("--config", net / "gateway.yaml")


# ----------------------------------------------------------------- reload

@pytest.fixture
def gateway(ctl, fake, net, run):
    """A daemon that runs the network's file."""
    key = run("pubkey", input=(net / "gateway.key").read_text()).stdout.strip()
    fake.answers["status"] = {"config": str(net / "gateway.yaml"),
                              "tunnels": [{"public_key": key}]}
    fake.answers["reload"] = {"tunnels_changed": 1}
    return fake


@pytest.mark.parametrize("config", [None, "gateway.yaml"])
def test_reloads(ctl, gateway, net, config):
    if config:
        gateway.answers["status"]["config"] = config
    done = ctl("network", "add-client", net, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reloaded"] is True
    assert "knows it already" in done.stderr
    assert gateway.ops() == ["status", "reload"]
    done = ctl("network", "remove-client", net, "client1", "--json")
    assert json.loads(done.stdout) == {"removed": "client1", "reloaded": True}
    assert gateway.ops() == ["status", "reload"] * 2


@pytest.mark.parametrize("members, ops", [
    ({"config": "/etc/wgproxyd/wgproxyd.yaml"}, ["status"]),
    ({"config": ""}, ["status"]),
    ({"tunnels": [{"public_key": "x"}]}, ["status"]),
    ({"tunnels": []}, ["status"]),
    ({"config": "gateway.yaml"}, ["status", "reload"]),
])
def test_another_daemon(ctl, gateway, net, members, ops):
    gateway.answers["status"].update(members)
    gateway.answers["reload"] = {"tunnels_changed": 0}
    done = ctl("network", "add-client", net, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["reloaded"] is False
    assert gateway.ops() == ops
    assert "proxyctl reload" in done.stderr


def test_reload_refused(ctl, gateway, net):
    gateway.answers["reload"] = No("config", "gateway.yaml:1:1: bad")
    done = ctl("network", "add-client", net)
    assert done.returncode == 0
    assert "did not take it: gateway.yaml:1:1: bad" in done.stderr
