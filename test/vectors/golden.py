# SPDX-License-Identifier: ISC
"""Computes a WireGuard handshake from fixed keys, independently of crypto/.

Nothing but hashlib's BLAKE2s and integers: X25519 by the Montgomery ladder of
RFC 7748 section 5, ChaCha20-Poly1305 by RFC 8439, Noise_IKpsk2 by the
whitepaper, section 5.4. Writes golden.txt: "name hex" lines.
"""

import hashlib
import hmac
import os
import struct

P = 2 ** 255 - 19


def x25519(k, u):
    k = int.from_bytes(bytes([k[0] & 248]) + k[1:31] +
                       bytes([k[31] & 127 | 64]), "little")
    u = int.from_bytes(u, "little") & (2 ** 255 - 1)
    x1, x2, z2, x3, z3, swap = u, 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % P, b * b % P
        e = aa - bb
        da, cb = (x3 - z3) * a % P, (x3 + z3) * b % P
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def public(private):
    return x25519(private, (9).to_bytes(32, "little"))


def rotl(v, n):
    return (v << n | v >> 32 - n) & 0xffffffff


def chacha_block(key, counter, nonce):
    s = list(struct.unpack("<16I", b"expand 32-byte k" + key +
                           struct.pack("<I", counter) + nonce))
    w = s[:]
    lanes = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
             (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
    for _ in range(10):
        for a, b, c, d in lanes:
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12),
                               (a, b, d, 8), (c, d, b, 7)):
                w[x] = (w[x] + w[y]) & 0xffffffff
                w[z] = rotl(w[z] ^ w[x], n)
    return struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(w, s)))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & \
        0x0ffffffc0ffffffc0ffffffc0fffffff
    acc = 0
    for i in range(0, len(data), 16):
        block = data[i:i + 16] + b"\x01"
        acc = (acc + int.from_bytes(block, "little")) * r % (2 ** 130 - 5)
    acc += int.from_bytes(key[16:], "little")
    return (acc % 2 ** 128).to_bytes(16, "little")


def pad(data):
    return data + bytes(-len(data) % 16)


def seal(key, counter, plain, ad):
    nonce = bytes(4) + struct.pack("<Q", counter)
    stream = b"".join(chacha_block(key, i + 1, nonce)
                      for i in range((len(plain) + 63) // 64))
    text = bytes(a ^ b for a, b in zip(plain, stream))
    tag = poly1305(chacha_block(key, 0, nonce)[:32], pad(ad) + pad(text) +
                   struct.pack("<QQ", len(ad), len(text)))
    return text + tag


def HASH(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def MAC(key, data):
    return hashlib.blake2s(data, digest_size=16, key=key).digest()


def HMAC(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def KDF(n, key, data):
    t0, out, last = HMAC(key, data), [], b""
    for i in range(n):
        last = HMAC(t0, last + bytes([i + 1]))
        out.append(last)
    return out


def number(seed):
    return HASH(b"golden " + seed.encode())


def handshake(psk):
    i_private, r_private = number("initiator"), number("responder")
    e_i, e_r = number("initiator ephemeral"), number("responder ephemeral")
    i_public, r_public = public(i_private), public(r_private)
    stamp = bytes.fromhex("4000000065f2b0aa12000000")

    ck = HASH(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
    h = HASH(HASH(ck, b"WireGuard v1 zx2c4 Jason@zx2c4.com"), r_public)
    ephemeral = public(e_i)
    h = HASH(h, ephemeral)
    ck, = KDF(1, ck, ephemeral)
    ck, key = KDF(2, ck, x25519(e_i, r_public))
    static = seal(key, 0, i_public, h)
    h = HASH(h, static)
    ck, key = KDF(2, ck, x25519(i_private, r_public))
    timestamp = seal(key, 0, stamp, h)
    h = HASH(h, timestamp)
    initiation = struct.pack("<II", 1, 0x11223344) + ephemeral + static + \
        timestamp
    initiation += MAC(HASH(b"mac1----", r_public), initiation) + bytes(16)

    ephemeral = public(e_r)
    h = HASH(h, ephemeral)
    ck, = KDF(1, ck, ephemeral)
    ck, = KDF(1, ck, x25519(e_r, public(e_i)))
    ck, = KDF(1, ck, x25519(e_r, i_public))
    ck, tau, key = KDF(3, ck, psk)
    h = HASH(h, tau)
    empty = seal(key, 0, b"", h)
    response = struct.pack("<III", 2, 0x55667788, 0x11223344) + ephemeral + \
        empty
    response += MAC(HASH(b"mac1----", i_public), response) + bytes(16)
    send, receive = KDF(2, ck, b"")
    return {"initiator": i_private, "responder": r_private,
            "initiator_ephemeral": e_i, "responder_ephemeral": e_r,
            "timestamp": stamp, "psk": psk, "initiation": initiation,
            "response": response, "initiator_send": send,
            "initiator_receive": receive,
            "data": struct.pack("<IIQ", 4, 0x55667788, 5) +
            seal(send, 5, b"sixteen bytes ..", b"")}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "golden.txt"), "w", encoding="ascii") as out:
        out.write("# made by golden.py; the second half has a preshared key\n")
        for psk in (bytes(32), number("psk")):
            for name, value in handshake(psk).items():
                out.write("%s %s\n" % (name, value.hex()))


if __name__ == "__main__":
    main()
