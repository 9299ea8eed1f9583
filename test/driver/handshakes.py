# SPDX-License-Identifier: ISC
"""Handshakes with everything given, recomputed byte for byte."""

from process import lines, same, text
import golden

def recorded():
    """Those of golden.txt, and one computed now."""
    each = []
    for name, value in lines("golden.txt"):
        if name == "initiator":
            each.append({})
        each[-1][name] = bytes.fromhex(value)
    return each + [golden.handshake(golden.number("another psk"))]


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def two_sides(d, g):
    i_public, r_public = (golden.public(g[x])
                          for x in ("initiator", "responder"))
    same(d.ask("noise", "new", "i", g["initiator"], r_public,
               "psk=" + text(g["psk"])), i_public)
    same(d.ask("noise", "new", "r", g["responder"], i_public,
               "psk=" + text(g["psk"])), r_public)
    return i_public, r_public


def test_recorded_noise(d):
    each = recorded()
    assert len(each) >= 3, len(each)
    for g in each:
        i_public, _ = two_sides(d, g)
        i_index, r_index = (int.from_bytes(g[x][4:8], "little")
                            for x in ("initiation", "response"))
        same(d.ask("noise", "initiate", "i", hex(i_index),
                   g["initiator_ephemeral"], g["timestamp"]), g["initiation"])
        same(d.ask("noise", "respond", "r", 1, g["responder_ephemeral"]),
             "error STATE")
        same(d.ask("noise", "check-mac1", "r", g["initiation"]), "1")
        same(d.ask("noise", "check-mac1", "i", g["initiation"]), "0")
        same(d.ask("noise", "consume-initiation", "r", g["initiation"]),
             "%s %s %d" % (text(i_public), text(g["timestamp"]), i_index))
        same(d.ask("noise", "transcript", "i"),
             d.ask("noise", "transcript", "r"))
        same(d.ask("noise", "respond", "r", r_index,
                   g["responder_ephemeral"]), g["response"])
        same(d.ask("noise", "keys", "i"), "error STATE")
        same(d.ask("noise", "consume-response", "i", g["response"]),
             str(r_index))
        keys = [text(g["initiator_send"]), text(g["initiator_receive"])]
        same(d.ask("noise", "keys", "i"), " ".join(keys))
        same(d.ask("noise", "keys", "r"), " ".join(reversed(keys)))


def test_refused_noise(d):
    g = recorded()[1]
    two_sides(d, g)
    d.ask("noise", "initiate", "i", 0x11223344, g["initiator_ephemeral"],
          g["timestamp"])
    for at, word in ((0, "TYPE"), (8, "STATIC"), (40, "STATIC"),
                     (87, "STATIC"), (88, "TIMESTAMP"), (115, "TIMESTAMP")):
        same(d.ask("noise", "consume-initiation", "r",
                   flip(g["initiation"], at)), "error " + word)
    d.ask("noise", "new", "x", g["responder"], golden.number("nobody"))
    same(d.ask("noise", "consume-initiation", "x", g["initiation"]),
         "error PEER")
    for at, word in ((0, "TYPE"), (8, "INDEX"), (12, "AUTH"), (59, "AUTH")):
        same(d.ask("noise", "consume-response", "i", flip(g["response"], at)),
             "error " + word)
    # A key of low order: nothing can be begun, or answered, with it.
    d.ask("noise", "new", "z", g["responder"], bytes(32))
    same(d.ask("noise", "initiate", "z", 1, g["initiator_ephemeral"],
               g["timestamp"]), "error LOW_ORDER")
    low = g["initiation"][:8] + bytes(32) + g["initiation"][40:]
    same(d.ask("noise", "consume-initiation", "r", low), "error STATIC")
    same(d.ask("noise", "consume-response", "i", g["response"]),
         str(0x55667788))


def cookie_reply(d, public, message, cookie):
    """What the owner of a public key says to a message when it has too much to
    do."""
    nonce = golden.number("nonce")[:24]
    return bytes([3, 0, 0, 0]) + message[4:8] + nonce + bytes.fromhex(
        d.ask("xseal", golden.HASH(b"cookie--", public), nonce,
              message[-32:-16], cookie))


def test_cookie_made(d):
    """C5, C6: against the same made with our own hands."""
    g = recorded()[0]
    _, r_public = two_sides(d, g)
    start = ("noise", "initiate", "i", 1, g["initiator_ephemeral"],
             g["timestamp"])
    first = bytes.fromhex(d.ask(*start))
    secret, nonce = golden.number("secret")[:32], golden.number("nonce")[:24]
    for source, raw in (("192.0.2.1:258", bytes([192, 0, 2, 1, 1, 2])),
                        ("[2001:db8::1]:258", bytes.fromhex(
                            "20010db8000000000000000000000001") + b"\1\2")):
        made = d.ask("noise", "make-cookie", "r", source, secret, nonce,
                     first, "now=5")
        cookie = golden.MAC(secret, raw)
        same(made, cookie_reply(d, r_public, first, cookie))
        same(d.ask("noise", "check-mac2", "r", source, first, "now=5"), "0")
        good = first[:-16] + golden.MAC(cookie, first[:-16])
        same(d.ask("noise", "check-mac2", "r", source, good, "now=5"), "1")
        same(d.ask("noise", "check-mac2", "r", "192.0.2.1:259", good,
                   "now=5"), "0")
        for now, lives in ((120 * 10 ** 9 + 4, "1"), (120 * 10 ** 9 + 5, "0")):
            same(d.ask("noise", "check-mac2", "r", source, good,
                       "now=%d" % now), lives)


def test_limiter(d):
    """C12: five at once, twenty per second, an IPv6 /64 is one source."""
    d.ask("limiter", "new", "l", bytes(range(16)))
    second = 10 ** 9
    same(d.ask("limiter", "allow", "l", 100 * second, *["192.0.2.1"] * 6,
               "192.0.2.2"), "1 1 1 1 1 0 1")
    same(d.ask("limiter", "allow", "l", 100 * second, *["2001:db8::1"] * 5,
               "2001:db8::2", "2001:db8:0:1::1"), "1 1 1 1 1 0 1")
    allowed = sum(d.ask("limiter", "allow", "l", 100 * second + i * 10 ** 7,
                        "192.0.2.1") == "1" for i in range(1000))
    same(199 <= allowed <= 200, True)


def test_cookie(d):
    g = recorded()[0]
    _, r_public = two_sides(d, g)
    start = ("noise", "initiate", "i", 1, g["initiator_ephemeral"],
             g["timestamp"])
    first = bytes.fromhex(d.ask(*start))
    same(first[-16:], bytes(16))
    same(first[-32:-16],
         golden.MAC(golden.HASH(b"mac1----", r_public), first[:-32]))
    cookie = golden.number("cookie")[:16]
    reply = cookie_reply(d, r_public, first, cookie)
    now = 5 * 10 ** 9
    same(d.ask("noise", "consume-cookie", "i", flip(reply, 63)), "error AUTH")
    same(d.ask("noise", "consume-cookie", "r", reply), "error AUTH")
    same(d.ask("noise", "consume-cookie", "i", reply, "now=%d" % now), "ok")
    same(d.ask("noise", "consume-cookie", "i", reply), "error AUTH")
    for later, lives in ((0, True), (114, True), (116, False)):
        then = "now=%d" % (now + later * 10 ** 9)
        message = bytes.fromhex(d.ask(*start, then))
        same(message[:-16], first[:-16])
        same(message[-16:],
             golden.MAC(cookie, message[:-16]) if lives else bytes(16))
        same(d.ask("noise", "add-macs", "i", first[:-32] + bytes(32), then),
             message)
