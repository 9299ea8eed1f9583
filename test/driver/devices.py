# SPDX-License-Identifier: ISC
"""Whole devices in virtual time, and lines that say nothing sound."""

import socket
import struct

from process import same, text
from handshakes import cookie_reply, flip, recorded
import golden

S = 10 ** 9
WALL = 1_710_000_000 * S


class Device:
    """One device of the driver, with a peer that has every address."""

    def __init__(self, d, name, private, *options):
        self.d, self.name = d, name
        self.public = self.ask("new", private, *options)

    def ask(self, command, *words):
        return self.d.ask("device", command, self.name, *words)

    def join(self, public, *options):
        number = self.ask("peer", public, *options)
        same(self.ask("allow", number, "0.0.0.0/0"), "ok")
        return number

    def at(self, now):
        same(self.ask("at", now, "wall=%d" % (WALL + now)), "ok")
        same(self.ask("expire"), "ok")

    def pull(self):
        """(destination, message), or None."""
        words = self.ask("pull").split()
        return None if words == ["none"] else (words[0], words[-1])

    def counter(self, name):
        words = dict(w.split("=") for w in self.ask("counters").split())
        return int(words[name])

    def info(self):
        return dict(w.split("=") for w in self.ask("info", 0).split())


A_AT, B_AT = "192.0.2.1:1000", "[2001:db8::2]:2000"


def two_devices(d, *options):
    a = Device(d, "a", golden.number("a"))
    b = Device(d, "b", golden.number("b"))
    same(a.join(b.public, *options), "0")
    same(b.join(a.public, *options), "0")
    same(a.ask("endpoint", 0, B_AT), "ok")
    for device in (a, b):
        device.at(1000 * S)
    return a, b


def converse(a, b):
    """Carries messages until both are silent; gives their types."""
    types, more = [], True
    while more:
        more = False
        for device, other, origin in ((a, b, A_AT), (b, a, B_AT)):
            pulled = device.pull()
            if pulled is not None:
                more = True
                types.append(device.name + pulled[1][1])
                same(other.ask("input", origin, pulled[1]), "none")
    return types


def packet(size, fill=0, source="10.0.0.1", tos=0):
    head = struct.pack(">BBHIII", 0x45, tos, size, 0, 0x40110000,
                       int.from_bytes(socket.inet_aton(source), "big"))
    return head + bytes(4) + bytes([fill]) * (size - 20)


def test_recorded_device(d):
    """Both devices draw the recorded chance, and make the recorded bytes."""
    for g in recorded():
        psk = "psk=" + text(g["psk"])
        seconds, ns = struct.unpack(">QI", g["timestamp"])
        wall = (seconds - 2 ** 62 - 10) * S + ns
        i = Device(d, "i", g["initiator"])
        r = Device(d, "r", g["responder"])
        i.join(r.public, psk)
        r.join(i.public, psk)
        i.ask("endpoint", 0, B_AT)
        same(i.ask("at", 7 * S, "wall=%d" % wall), "ok")
        # When to try again, an ephemeral, an index as it is on the wire.
        same(i.ask("random", bytes(4) + g["initiator_ephemeral"] +
                   g["initiation"][4:8]), "40 0")
        same(r.ask("random", g["responder_ephemeral"]), "32 0")
        same(r.ask("random", g["response"][4:8]), "36 0")
        same(i.ask("want", 0), "error NO_SESSION")
        same(i.ask("pull"), "%s none 0 136 %s" % (B_AT, text(g["initiation"])))
        same(r.ask("input", A_AT, g["initiation"]), "none")
        same(r.ask("pull"), "%s none 0 136 %s" % (A_AT, text(g["response"])))
        same(i.ask("input", B_AT, g["response"]), "none")
        same(i.ask("random"), "0 0")
        same(r.ask("random"), "0 0")
        sealed = [i.d.words("device", "seal", "i", 0, b"sixteen bytes ..")[4]
                  for _ in range(6)]
        same(sealed[5], g["data"])
        same(r.ask("input", A_AT, g["data"]), "none")
        same(r.counter("inner_header"), 1)
        # Used once: a replay of anything is refused.
        for message, name in (("initiation", "handshake_rejected"),
                              ("data", "replay")):
            same(r.ask("input", A_AT, g[message]), "none")
            same(r.counter(name), 1)


def test_conversation(d):
    a, b = two_devices(d, "psk=" + text(golden.number("psk")))
    same(b.ask("want", 0), "error NO_ENDPOINT")
    same(a.ask("seal", 0, packet(28)), "error NO_SESSION")
    same(converse(a, b), ["a1", "b2", "a4"])
    same(a.ask("events"), "0:SESSION_UP")
    assert "0:SESSION_UP" in b.ask("events").split()
    same(a.ask("events"), "none")
    same(b.info()["endpoint"], A_AT)
    # Three packets in one super-datagram, marked on the way.
    packets = [packet(n, n & 255, tos=2) for n in (100, 100, 33)]
    words = a.ask("seal", 0, "ecn=2", *packets).split()
    same(" ".join(words[:4]), B_AT + " none 0 2")
    same(" ".join(str(len(w) // 2) for w in words[4:]), "144 144 80")
    one = "".join(words[4:])
    same(b.ask("input", A_AT, one, "segment=144", "tos=3"),
         " ".join("0:3:" + text(p) for p in packets))
    same(b.ask("input", A_AT, one, "segment=144"), "none")
    same(b.counter("replay"), 3)
    # The peer moves; answers go there, from where it was heard.
    moved = a.ask("seal", 0, packet(40)).split()[4]
    same(b.ask("input", "198.51.100.9:9", moved, "local=203.0.113.5",
               "ifindex=7"), "0:0:" + text(packet(40)))
    same(b.ask("events"), "0:ENDPOINT_CHANGED")
    back = b.ask("seal", 0, packet(40)).split()
    same(" ".join(back[:4]), "198.51.100.9:9 203.0.113.5 7 0")
    same(b.ask("source-gone", "203.0.113.5"), "ok")
    same(b.ask("seal", 0, packet(40)).split()[1], "none")
    same(a.ask("input", B_AT, flip(bytes.fromhex(back[4]), 40)), "none")
    same(a.counter("authentication"), 1)
    same(a.ask("input", B_AT, back[4]), "0:0:" + text(packet(40)))
    same(b.ask("lookup", "10.0.0.1"), "0")
    same(b.ask("lookup", "::1"), "none")
    same(a.ask("random").split()[0], "0")
    assert int(a.ask("random").split()[1]) >= 36


def test_time(d):
    """A peer that does not answer, and a key that dies."""
    a, b = two_devices(d)
    same(a.ask("want", 0), "error NO_SESSION")
    start = 1000 * S
    initiations, events = [], []
    for _ in range(25):
        pulled = a.pull()
        if pulled is not None:
            initiations.append(pulled[1])
        deadline = a.ask("deadline")
        if deadline == "never" or "0:HANDSHAKE_FAILED" in events:
            break
        assert start + 5 * S <= int(deadline) <= start + 6 * S, deadline
        start = int(deadline)
        a.at(start)
        events += a.ask("events").split()
    assert "0:HANDSHAKE_FAILED" in events, events
    assert events.count("0:HANDSHAKE_RETRY") >= 17, events
    assert 18 <= len(initiations) <= 20, len(initiations)
    # Stamps grow, whatever the clock: the newest is taken, older are not.
    b.at(start)
    same(b.ask("input", A_AT, initiations[-1]), "none")
    b.at(start + S)
    same(b.ask("input", A_AT, initiations[-2]), "none")
    same(b.counter("handshake_rejected"), 1)
    same(b.pull()[1][1], "2")

    a, b = two_devices(d)
    a.ask("want", 0)
    converse(a, b)
    for later, word in ((179, "ok"), (181, "error NO_SESSION")):
        a.at((1000 + later) * S)
        same(a.ask("want", 0), word)
    same(a.info()["session"], "0")
    same(a.ask("at", 1180 * S), "error BACKWARD")


def test_cookie_reply(d):
    """The peer has too much to do: the next retry proves where we are."""
    a, b = two_devices(d)
    a.ask("want", 0)
    first = bytes.fromhex(a.pull()[1])
    same(first[-16:], bytes(16))
    cookie = golden.number("cookie")[:16]
    reply = cookie_reply(d, bytes.fromhex(b.public), first, cookie)
    same(a.ask("input", B_AT, flip(reply, 50)), "none")
    same(a.ask("input", B_AT, flip(reply, 4)), "none")
    same(a.counter("cookie_rejected"), 2)
    same(a.ask("input", B_AT, reply), "none")
    same(a.ask("pull"), "none")
    same(a.ask("input", B_AT, reply), "none")
    same(a.counter("cookie_rejected"), 3)
    a.at(int(a.ask("deadline")))
    retry = bytes.fromhex(a.pull()[1])
    same(retry[-16:], golden.MAC(cookie, retry[:-16]))
    same(b.ask("input", A_AT, retry), "none")
    same(b.pull()[1][1], "2")


def test_changes(d):
    """Keys and peers change while a session is there."""
    a, b = two_devices(d)
    a.ask("want", 0)
    converse(a, b)
    same(a.ask("find", b.public), "0")
    same(a.ask("find", a.public), "none")
    same(a.ask("disallow", 0), "ok")
    same(a.ask("lookup", "10.0.0.1"), "none")
    back = b.ask("seal", 0, packet(40)).split()[4]
    same(a.ask("input", B_AT, back), "none")
    same(a.counter("inner_source"), 1)
    # Only one side has the new preshared key: it counts from now on.
    psk = "psk=" + text(golden.number("psk"))
    same(a.ask("change", 0, psk), "ok")
    same(a.ask("want", 0), "ok")
    a.at(1200 * S)
    b.at(1200 * S)
    same(a.ask("want", 0), "error NO_SESSION")
    converse(a, b)
    same(a.counter("handshake_rejected"), 1)
    same(b.ask("change", 0, psk), "ok")
    a.at(1210 * S)
    b.at(1210 * S)
    a.ask("want", 0)
    converse(a, b)
    same(a.ask("want", 0), "ok")
    # A new private key: the other side does not know it.
    key = golden.number("new key")
    same(a.ask("key", key), golden.public(key))
    assert a.ask("want", 0) != "ok"
    converse(a, b)
    same(b.counter("handshake_rejected"), 1)
    same(a.ask("remove", 0), "ok")
    same(a.ask("want", 0), "error PEER")
    same(a.ask("remove", 0), "error PEER")
    same(a.ask("pull"), "none")
    same(a.join(golden.public(golden.number("c"))), "0")
    same(a.ask("info", 0).split()[0], "endpoint=none")


def test_keepalive(d):
    a, b = two_devices(d, "keepalive=25")
    b.ask("endpoint", 0, A_AT)
    types = converse(a, b)
    assert "a1" in types and ("b2" in types or "a2" in types), types
    before = int(b.info()["rx_bytes"])
    now = 1000 * S
    while now < 1060 * S:
        now = min(int(a.ask("deadline")), int(b.ask("deadline")), 1060 * S)
        a.at(now)
        b.at(now)
        converse(a, b)
    assert int(b.info()["rx_bytes"]) - before in (64, 96), b.info()
    same(a.ask("new", golden.number("a")), a.public)
    same(a.ask("info", 0), "error PEER")


# ------------------------------------------------------------- bad lines

def test_bad_lines(d):
    for line, word in (
            (b"nothing", "COMMAND"), (b"BLAKE2S 32 - 00", "COMMAND"),
            (b"blake2s", "MISSING"), (b"blake2s 32 -", "MISSING"),
            (b"blake2s 32 - 00 00", "EXCESS"), (b"blake2s 0 - 00", "LENGTH"),
            (b"blake2s 33 - 00", "NUMBER"), (b"blake2s -1 - 00", "NUMBER"),
            (b"blake2s +1 - 00", "NUMBER"), (b"blake2s 1x - 00", "NUMBER"),
            (b"blake2s 32 - 0", "HEX"), (b"blake2s 32 - 0g", "HEX"),
            (b"blake2s 32 - 0-", "HEX"), (b"blake2s 32 - \xff\xfe", "HEX"),
            (b"blake2s 32 " + b"00" * 33 + b" -", "LENGTH"),
            (b"mac " + b"00" * 33 + b" -", "LENGTH"),
            (b"hmac 00 00", "LENGTH"), (b"kdf 4 - -", "NUMBER"),
            (b"kdf 0 " + b"00" * 32 + b" -", "NUMBER"),
            (b"dh 00 00", "LENGTH"), (b"public", "MISSING"),
            (b"dh " + b"11" * 32 + b" " + b"00" * 32, "LOW_ORDER"),
            (b"seal-batch nobody " + b"00" * 32 + b" 0:00", "BACKEND"),
            (b"seal-batch libsodium " + b"00" * 32, "MISSING"),
            (b"seal-batch libsodium " + b"00" * 32 + b" 00", "SYNTAX"),
            (b"seal-batch libsodium " + b"00" * 32 + b" 1:", "HEX"),
            (b"seal-batch libsodium " + b"00" * 32 + b" 18446744073709551616:-",
             "NUMBER"),
            (b"open-batch libsodium " + b"00" * 32 + b" 1:" + b"00" * 15,
             "LENGTH"),
            (b"open " + b"00" * 32 + b" " + b"00" * 32 + b" 00", "LENGTH"),
            (b"noise", "MISSING"), (b"noise nothing", "COMMAND"),
            (b"noise keys x", "NAME"), (b"noise keys", "MISSING"),
            (b"noise consume-response x 00", "NAME"),
            (b"replay new " + b"x" * 32, "NAME"),
            (b"route lookup x ::", "NAME"),
            (b"blake2s 32 - 00\0", "SYNTAX"), (b"\0", "SYNTAX"),
            (b"a" * 200000, "COMMAND"), (b"a " * 100000, "COMMAND")):
        same(d.raw(line), "error " + word)
    a, b = two_devices(d)
    a.ask("want", 0)
    converse(a, b)
    before = a.ask("counters")
    for words, word in (
            (("new",), "LENGTH"), (("new", bytes(32), "peers=0"), "NUMBER"),
            (("new", bytes(32), "mtu=99999"), "NUMBER"),
            (("peer", a.public), "INVALID"), (("peer", b.public), "EXISTS"),
            (("peer", bytes(32), "psk=00"), "LENGTH"),
            (("allow", 1, "::/0"), "PEER"), (("allow", 0, "::/x"), "SYNTAX"),
            (("want", 1), "PEER"), (("pull", 0), "EXCESS"),
            (("endpoint", 0, "1.2.3.4"), "SYNTAX"),
            (("at", "-1"), "NUMBER"), (("at", 2 ** 63), "NUMBER"),
            (("input", "x", "00"), "SYNTAX"),
            (("input", B_AT, bytes(65536)), "TOO_LONG"),
            (("input", B_AT, bytes(65535), "segment=1"), "TOO_LONG"),
            (("input", B_AT, bytes(9), "tos=256"), "NUMBER"),
            (("input", B_AT, bytes(9), "color=1"), "EXCESS"),
            (("seal", 0), "MISSING"), (("seal", 0, "-"), "LENGTH"),
            (("seal", 0, packet(1421)), "LENGTH"),
            (("seal", 0, packet(30), packet(31)), "LENGTH"),
            (("seal", 0, packet(31), packet(30), packet(30)), "LENGTH"),
            (("seal", 0, "ecn=4", packet(30)), "NUMBER"),
            (("seal", 0, *[packet(1420)] * 60), "TOO_LONG"),
            (("seal", 0, *[packet(20)] * 65), "TOO_LONG")):
        if words[0] == "new" and len(words) == 1:
            same(d.ask("device", "new", "a", "00"), "error " + word)
        else:
            same(a.ask(*words), "error " + word)
    same(a.ask("counters"), before)
    # What is hostile but well said is taken, and counted by the device.
    for size in (0, 1, 4, 31, 32, 64, 92, 148, 65535):
        for kind in range(6):
            message = (bytes([kind, 0, 0, 0]) + bytes(size))[:size]
            same(a.ask("input", B_AT, message), "none")
    sealed = a.ask("seal", 0, packet(60)).split()[4]
    same(b.ask("input", A_AT, sealed), "0:0:" + text(packet(60)))
    # Blank lines and comments have no answer, the last line needs no end.
    d.process.stdin.write(b"\n  \t \n# blake2s\r\nmac\t- -\r\npublic 00")
    d.process.stdin.close()
    same(d.process.stdout.read().decode(),
         golden.MAC(b"", b"").hex() + "\nerror LENGTH\n")
