# SPDX-License-Identifier: ISC
"""Names of a gateway's zone, asked by others: dig behind wireguard-go, and a
client daemon of ours."""

import os
import random
import re
import socket
import struct
import time

import pytest

from lab import clients
from lab.control import proxyctl
from lab.gateway import GATEWAY4, GATEWAY6, Gateway
from lab.lab import APP4
from lab.process import Process, as_root, until
from lab.scrape import scrape
from test_metrics import with_http

ECHO = {"listen": 7001, "to": APP4 + ":7001", "name": "appname"}
NAMES = {"db": ["fd77:1:2::77", "10.77.0.77", "10.77.0.78"],
         "v4only.internal": "10.77.0.79",
         "many": ["fd77:1:2::1%02x" % i for i in range(16)]}
METRICS = 9587
TUNNEL = {"dns": {"zone": "internal"}, "names": NAMES}


@pytest.fixture(scope="module")
def gateway(shared_lab):
    more = {"metrics": {"listen": "127.0.0.1:%d" % METRICS}} if with_http() \
        else {}
    with Gateway(shared_lab, [ECHO], tunnel=TUNNEL, sandbox=[],
                 more=more) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def guest(shared_lab, gateway):
    tun = gateway.guest(1)
    try:
        tun.start()
        yield tun
    finally:
        tun.close()


@pytest.fixture
def dig(lab, guest):
    def ask(*words, server=GATEWAY6):
        done = lab.near.run(
            ["dig", "+time=3", "+tries=2", "@" + server, *words])
        return Answer(done.stdout)
    return ask


class Answer:
    """What dig prints."""

    def __init__(self, text):
        self.text = text
        self.status = re.search(r"status: (\w+)", text).group(1)
        self.flags = re.search(r"flags: ([a-z ]*);", text).group(1).split()
        self.size = int(re.search(r"MSG SIZE  rcvd: (\d+)", text).group(1))

    def section(self, name):
        found = re.search(r";; %s SECTION:\n(.*?)\n\n" % name, self.text, re.S)
        if found is None:
            return []
        return [line.split() for line in found.group(1).splitlines()]

    def data(self, name="ANSWER"):
        return sorted(line[4] for line in self.section(name))


# ------------------------------------------------------------- dig

def test_expose_has_a_name(dig):
    for server in (GATEWAY4, GATEWAY6):
        answer = dig("appname.internal", "A", server=server)
        assert answer.status == "NOERROR"
        assert set(answer.flags) == {"qr", "aa", "rd"}
        assert answer.data() == [GATEWAY4]
        assert dig("appname.internal", "AAAA",
                   server=server).data() == [GATEWAY6]


def test_names_of_the_table(dig):
    assert dig("db.internal", "A").data() == ["10.77.0.77", "10.77.0.78"]
    assert dig("db.internal", "AAAA").data() == ["fd77:1:2::77"]
    assert dig("v4only.internal", "A").data() == ["10.77.0.79"]
    assert dig("ns.internal", "AAAA").data() == [GATEWAY6]


def test_addresses_in_turn(dig):
    first = {dig("db.internal", "A").section("ANSWER")[0][4]
             for _ in range(2)}
    assert first == {"10.77.0.77", "10.77.0.78"}


def test_absent(dig):
    answer = dig("gone.internal", "A")
    assert answer.status == "NXDOMAIN"
    assert "aa" in answer.flags
    [soa] = answer.section("AUTHORITY")
    assert soa[:4] == ["internal.", "5", "IN", "SOA"]
    assert soa[4:6] == ["ns.internal.", "hostmaster.internal."]
    for words in (("v4only.internal", "AAAA"), ("db.internal", "TXT"),
                  ("db.internal", "MX"), ("internal", "A")):
        answer = dig(*words)
        assert (answer.status, answer.data()) == ("NOERROR", [])
        assert answer.section("AUTHORITY")[0][3] == "SOA"


def test_refused(dig):
    for words in (("appname.example", "A"), ("debian.org", "AAAA"),
                  (".", "NS"), ("version.bind", "CH", "TXT"),
                  ("-x", "10.77.0.1")):
        answer = dig(*words)
        assert answer.status == "REFUSED"
        assert "ra" not in answer.flags and "aa" not in answer.flags
        assert answer.size <= 80
    assert dig("internal", "SOA", "+opcode=notify").status == "REFUSED"
    assert dig("internal", "SOA", "+opcode=update").status == "REFUSED"
    assert dig("internal", "SOA", "+opcode=status").status == "NOTIMP"


def test_zone_itself(lab, dig):
    assert dig("internal", "NS").data() == ["ns.internal."]
    assert dig("internal", "SOA").section("ANSWER")[0][3] == "SOA"
    assert len(dig("db.internal", "ANY", "+notcp").section("ANSWER")) == 1
    done = lab.near.run(["dig", "@" + GATEWAY6, "internal", "AXFR"])
    assert "Transfer failed" in done.stdout and "SOA" not in done.stdout


def test_tcp(dig):
    answer = dig("appname.internal", "AAAA", "+tcp")
    assert answer.data() == [GATEWAY6]
    assert "(TCP)" in answer.text


def test_too_large_for_udp(dig):
    """Cut at four times the question, and whole by TCP."""
    answer = dig("many.internal", "AAAA", "+ignore")
    assert "tc" in answer.flags and answer.data() == []
    answer = dig("many.internal", "AAAA")
    assert "(TCP)" in answer.text
    assert len(answer.data()) == 16


def test_edns(dig):
    answer = dig("db.internal", "A", "+bufsize=4096", "+dnssec")
    assert "EDNS: version: 0, flags: do; udp: 1232" in answer.text
    answer = dig("db.internal", "A", "+noedns")
    assert answer.data() == ["10.77.0.77", "10.77.0.78"]
    assert "EDNS" not in answer.text
    assert dig("db.internal", "A", "+edns=1",
               "+noednsnegotiation").status == "BADVERS"
    assert dig("db.internal", "A", "+padding=128").status == "NOERROR"


def test_case_is_kept(dig):
    name = "".join(random.choice((c.lower(), c.upper()))
                   for c in "appname.internal")
    answer = dig(name, "A", "+norecurse")
    assert answer.data() == [GATEWAY4]
    assert answer.section("QUESTION")[0][0] == ";%s." % name
    assert answer.section("ANSWER")[0][0] == name + "."
    assert answer.text.count("WARNING") == 0


# ------------------------------------------------------------- others

@pytest.fixture
def system_names(lab, guest):
    """The gateway is the name server of commands in the near namespace."""
    folder = "/etc/netns/" + lab.near.name
    path = folder + "/resolv.conf"
    os.makedirs(folder, exist_ok=True)
    with open(path, "w") as file:
        file.write("nameserver %s\nsearch internal\n" % GATEWAY6)
    yield
    os.unlink(path)


def test_system_resolver(lab, system_names):
    """libc's own, which sends both questions from one socket."""
    for name in ("appname", "appname.internal"):
        found = lab.near.run(
            ["getent", "-s", "hosts:dns", "ahosts", name]).stdout
        assert GATEWAY6 in found and GATEWAY4 in found


def test_psql_by_name(lab, gateway, system_names):
    """Nothing of ours but the gateway."""
    proxyctl(gateway, "expose", "--temporary", "--name", "pg",
             "5432:%s:5432" % APP4)
    for name in ("pg", "pg.internal"):
        assert clients.psql(lab, 5432, "-c", "select 6 * 7",
                            host=name) == "42\n"
    proxyctl(gateway, "unexpose", "pg")


def test_client_of_ours(lab, gateway):
    """By name, through a second daemon that knows only the gateway."""
    for server in (GATEWAY4, GATEWAY6):
        tunnel = gateway.client_tunnel(0, dns=[server])
        with lab.daemon({"echo": "appname.internal:7001",
                         "gone": "gone.internal:7001"}, tunnel) as daemon:
            clients.echoes(daemon, "echo")
            clients.is_refused(daemon, "gone", "dns_nxdomain")
            many = proxyctl(daemon, "resolve", "many.internal").stdout
            assert len(set(many.split()) & set(NAMES["many"])) == 16


UNBOUND = """\
server:
  directory: "{folder}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  do-daemonize: no
  interface: 127.0.0.1
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "iterator"
  use-caps-for-id: yes
  harden-below-nxdomain: yes
  qname-minimisation: yes
  local-zone: "internal." nodefault
stub-zone:
  name: "internal."
  stub-addr: {gateway}
  stub-first: no
remote-control:
  control-enable: no
"""


@pytest.fixture
def unbound(lab, guest, tmp_path):
    """A company's resolver that asks the gateway for its zone, letters in
    random case."""
    config = tmp_path / "unbound.conf"
    config.write_text(UNBOUND.format(folder=tmp_path, gateway=GATEWAY6))
    process = Process("unbound", as_root(lab.near.command(
        ["unbound", "-d", "-p", "-c", str(config)])),
        str(tmp_path / "unbound.log"))
    try:
        process.wait_for_log("start of service")
        yield process
    finally:
        process.stop()


def test_behind_a_resolver(dig, unbound):
    def ask(*words):
        return dig(*words, server="127.0.0.1")

    assert ask("appname.internal", "AAAA").data() == [GATEWAY6]
    assert ask("db.internal", "A").data() == ["10.77.0.77", "10.77.0.78"]
    assert len(ask("many.internal", "AAAA").data()) == 16
    assert ask("a.gone.internal", "A").status == "NXDOMAIN"
    answer = ask("v4only.internal", "AAAA")
    assert (answer.status, answer.data()) == ("NOERROR", [])
    assert ask("internal", "NS").data() == ["ns.internal."]


def test_many_questions_at_once(lab, guest):
    """More than wait in the queue; the client asks again, like any."""
    with lab.near.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY6, 53))
        sock.settimeout(0.3)
        waiting = set(range(500))
        for _ in range(20):
            for number in sorted(waiting):
                sock.send(question(number, b"\x07appname\x08internal\0"))
            try:
                while waiting:
                    data = sock.recv(2048)
                    assert data[6:8] == b"\0\1"
                    waiting.discard(struct.unpack(">H", data[:2])[0])
            except TimeoutError:
                continue
        assert not waiting


def question(number, name, kind=1):
    return struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + name + \
        struct.pack(">2H", kind, 1)


def test_silent_tcp_client_is_cut(lab, guest):
    with lab.near.connect(GATEWAY6, 53, 30) as sock:
        sock.sendall(b"\0")
        start = time.monotonic()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
        assert 8 < time.monotonic() - start < 15


def counts(gateway):
    metrics = scrape(gateway, METRICS)
    return {word: metrics.value("wgproxy_zone_messages_total", tunnel="lab",
                                result=word)
            for word in ("answered", "no_name", "no_data", "refused",
                         "malformed")}


def test_metrics(dig, gateway):
    if not with_http():
        pytest.skip("built without libmicrohttpd")
    time.sleep(1.1)  # the same text is given for a second
    expected = {word: count + (word != "malformed")
                for word, count in counts(gateway).items()}
    for name in ("db.internal", "gone.internal", "internal", "example"):
        dig(name, "A")
    until(lambda: counts(gateway) == expected, 5, "all of them are counted")


# ------------------------------------------------------------- at run time

def test_expose_at_run_time(dig, gateway):
    assert dig("late.internal", "A").status == "NXDOMAIN"
    proxyctl(gateway, "expose", "--temporary", "--name", "late",
             "7003:%s:7003" % APP4)
    assert dig("late.internal", "A").data() == [GATEWAY4]
    proxyctl(gateway, "unexpose", "late")
    assert dig("late.internal", "A").status == "NXDOMAIN"


def test_reload(lab, dig, gateway):
    """Other names, and connections stay."""
    with lab.near.connect(GATEWAY6, 7001, 10) as kept:
        gateway.tunnel["names"] = {"other": "10.77.0.90"}
        gateway.set_exposes([ECHO])
        proxyctl(gateway, "reload")
        assert dig("other.internal", "A").data() == ["10.77.0.90"]
        assert dig("db.internal", "A").status == "NXDOMAIN"
        gateway.tunnel["names"] = NAMES
        gateway.set_exposes([ECHO])
        proxyctl(gateway, "reload")
        until(lambda: dig("db.internal", "A").status == "NOERROR", 5,
              "the names are back")
        kept.sendall(b"x")
        assert kept.recv(1) == b"x"
