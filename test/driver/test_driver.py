# SPDX-License-Identifier: ISC
"""The driver against vectors of others, and against test/vectors/golden.py.

WG_DRIVER is the program; WG_VECTORS may name a folder with more files like
those of test/vectors, with the same names.
"""

import hashlib
import hmac
import sys

from process import lines, run, same, text
import golden
import handshakes
import devices

# ------------------------------------------------------------- primitives

def test_rfc7693(d):
    same(d.ask("blake2s", 32, "-", b"abc"),
         "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982")
    # Appendix E: hashes of hashes of every size
    total = hashlib.blake2s()

    def sequence(length, seed):
        a, b = 0xdead4bad * seed & 0xffffffff, 1
        out = bytearray()
        for _ in range(length):
            a, b = b, (a + b) & 0xffffffff
            out.append(b >> 24)
        return bytes(out)

    for size in (16, 20, 28, 32):
        for length in (0, 3, 64, 65, 255, 1024):
            data, key = sequence(length, length), sequence(size, size)
            total.update(bytes.fromhex(d.ask("blake2s", size, "-", data)))
            total.update(bytes.fromhex(d.ask("blake2s", size, key, data)))
    same(total.hexdigest(), "6a411f08ce25adcdfb02aba641451cec"
         "53c598b24f4fc787fbdc88797f4c1dfe")


def test_blake2s(d):
    count = 0
    for key, data, digest in lines("blake2s.txt"):
        same(d.ask("blake2s", 32, key, data), digest)
        count += 1
    assert count >= 256, count


def test_mac_hmac_kdf(d):
    for length in (0, 1, 32, 63, 64, 65, 200):
        data = bytes(range(length))
        key = golden.number("key %d" % length)
        same(d.ask("mac", key, data), golden.MAC(key, data))
        same(d.ask("mac", key[:16], data), golden.MAC(key[:16], data))
        same(d.ask("hmac", key, data),
             hmac.new(key, data, hashlib.blake2s).digest())
        for n in (1, 2, 3):
            same(d.ask("kdf", n, key, data),
                 " ".join(map(text, golden.KDF(n, key, data))))


def test_rfc7748(d):
    k, u = (bytes.fromhex(x) for x in (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
    same(d.ask("dh", k, u),
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    k = u = bytes([9]) + bytes(31)
    for i in range(1, 1001):
        k, u = bytes.fromhex(d.ask("dh", k, u)), k
        if i == 1:
            same(text(k), "422c8e7a6227d7bca1350b3e2bb7279f"
                 "7897b87bb6854b783c60e80311ae3079")
    same(text(k), "684cf59ba83309552800ef566f2f4d3c"
         "1c3887c49360e3875f2eb94d99532c51")


def test_x25519(d):
    refused = 0
    for result, private, public, shared in lines("x25519.txt"):
        got = d.ask("dh", private, public)
        if got == "error LOW_ORDER":
            same(shared, bytes(32))
            refused += 1
        else:
            same(got, shared)
            assert result == "ok", result
    assert refused > 5, refused
    for seed in ("a", "b", "c"):
        key = golden.number(seed)
        same(d.ask("public", key), golden.public(key))
        clamped = bytes.fromhex(d.ask("clamp", key))
        same(clamped, bytes([key[0] & 248]) + key[1:31] +
             bytes([key[31] & 63 | 64]))


# RFC 8439 A.5
A5_KEY = bytes.fromhex("1c9240a5eb55d38af333888604f6b5f0"
                       "473917c1402b80099dca5cbc207075c0")
A5_PLAIN = (
    "Internet-Drafts are draft documents valid for a maximum of six months "
    "and may be updated, replaced, or obsoleted by other documents at any "
    "time. It is inappropriate to use Internet-Drafts as reference material "
    "or to cite them other than as /\u201cwork in progress./\u201d").encode()
A5_SEALED = bytes.fromhex(
    "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2"
    "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf"
    "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
    "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4"
    "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e"
    "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
    "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
    "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29"
    "a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38")
A5_COUNTER = 0x0807060504030201


def test_rfc8439(d):
    """Its vectors have associated data that data packets have not: they prove
    golden.seal(), and the key stream here."""
    same(golden.seal(A5_KEY, A5_COUNTER, A5_PLAIN,
                     bytes.fromhex("f33388860000000000004e91")),
         A5_SEALED)
    for backend in d.words("backends"):
        sealed = d.ask("seal-batch", backend, A5_KEY,
                       "%d:%s" % (A5_COUNTER, A5_PLAIN.hex()))
        same(sealed[:-32], A5_SEALED[:-16])
        same(sealed, golden.seal(A5_KEY, A5_COUNTER, A5_PLAIN, b""))


def test_batches(d):
    key = golden.number("batch")
    jobs = [(n * 0x100000001 if n % 2 else 2 ** 64 - 1 - n,
             bytes(i * n & 255 for i in range(n * 13)))
            for n in range(24)]
    assert "libsodium" in d.words("backends")
    for backend in d.words("backends"):
        sealed = d.words("seal-batch", backend, key,
                         *("%d:%s" % (c, text(p)) for c, p in jobs))
        for (counter, plain), got in zip(jobs, sealed, strict=True):
            same(got, golden.seal(key, counter, plain, b""))
        # One in three is forged, by its counter or by a bit.
        words = []
        for i, (counter, _) in enumerate(jobs):
            bad = bytearray.fromhex(sealed[i])
            bad[-1 - i] ^= 4 if i % 6 == 0 else 0
            words.append("%d:%s" % (counter ^ (i % 6 == 3), bad.hex()))
        opened = d.words("open-batch", backend, key, *words)
        for i, (_, plain) in enumerate(jobs):
            same(opened[i], "forged" if i % 3 == 0 else plain)


def test_seal_open(d):
    key, ad = golden.number("key"), golden.number("ad")
    for length in (0, 12, 32, 63, 64, 65, 1000):
        plain = bytes(length)
        sealed = golden.seal(key, 0, plain, ad)
        same(d.ask("seal", key, ad, plain), sealed)
        same(d.ask("open", key, ad, sealed), plain)
        same(d.ask("open", key, key, sealed), "error AUTH")
        same(d.ask("open", key, ad, sealed[:-1] + bytes([sealed[-1] ^ 1])),
             "error AUTH")


def test_xaead(d):
    count = 0
    for result, key, nonce, ad, plain, sealed in lines("xaead.txt"):
        if result == "valid":
            same(d.ask("xseal", key, nonce, ad, plain), sealed)
            same(d.ask("xopen", key, nonce, ad, sealed), plain)
        else:
            same(d.ask("xopen", key, nonce, ad, sealed), "error AUTH")
        count += 1
    assert count > 20, count


# ------------------------------------------------------------- tables

def test_replay(d):
    """Against a window that remembers everything."""
    state, greatest, seen, counters = 1, 0, set(), [0, 0, 1, 2 ** 64 - 1]
    window = 8192 - 64
    counters += [2 ** 64 - window - 2, 2 ** 64 - window - 3]
    expected = [1, 0, 1, 0, 0, 1]
    same(d.ask("replay", "new", "edge"), "ok")
    same(d.ask("replay", "accept", "edge", *counters),
         " ".join(map(str, expected)))
    same(d.ask("replay", "new", "w"), "ok")
    counters, expected = [], []
    for _ in range(6000):
        state = (state * 6364136223846793005 + 1) % 2 ** 64
        jump = (state >> 40) % 20000 if state >> 56 == 0 else \
            (state >> 40) % 5
        back = (state >> 20) % 9000 if state >> 33 & 1 else 0
        counter = max(0, greatest + jump - back)
        new = counter not in seen and greatest - counter <= window
        if new:
            seen.add(counter)
            greatest = max(greatest, counter)
        counters.append(counter)
        expected.append(str(int(new)))
    assert 1000 < expected.count("1") < 5000, expected.count("1")
    same(d.ask("replay", "accept", "w", *counters), " ".join(expected))
    same(d.ask("replay", "accept", "w", 2 ** 63, "x"), "error NUMBER")
    same(d.ask("replay", "accept", "w", greatest + 1), "1")
    same(d.ask("replay", "accept", "nobody", 1), "error NAME")


def test_route(d):
    same(d.ask("route", "new", "t", 4), "ok")
    for prefix, value in (("10.0.0.0/8", 1), ("10.1.0.0/16", 2),
                          ("::/0", 3), ("fd00::1", 4)):
        same(d.ask("route", "insert", "t", prefix, value), "ok")
    look = ("route", "lookup", "t", "10.1.2.3", "10.2.0.0", "11.0.0.1",
            "fd00::1", "fd00::2", "::ffff:10.1.0.1")
    same(d.ask(*look), "2 1 none 4 3 2")
    same(d.ask("route", "insert", "t", "10.1.0.0/16", 5), "ok")
    same(d.ask("route", "remove", "t", "10.0.0.0/9"), "error NOT_FOUND")
    same(d.ask("route", "remove", "t", "10.0.0.0/8"), "ok")
    same(d.ask(*look), "5 none none 4 3 5")
    same(d.ask("route", "remove-value", "t", 3), "ok")
    same(d.ask(*look), "5 none none 4 none 5")
    same(d.ask("route", "new", "small", 1), "ok")
    for i in range(40):
        last = d.ask("route", "insert", "small", "10.0.%d.0/24" % i, i)
    same(last, "error FULL")
    for words in (("insert", "t", "10.0.0.0/33", 1), ("lookup", "t", "x"),
                  ("insert", "t", "10.0.0.1/8x", 1)):
        answer = d.ask("route", *words)
        assert answer in ("error SYNTAX", "error INVALID"), answer
    same(d.ask("route", "insert", "t", "10.0.0.0/8", 65535), "error NUMBER")
    same(d.ask("route", "lookup", "t"), "error MISSING")
    same(d.ask("route", "new", "t", 0), "error NUMBER")


if __name__ == "__main__":
    results = [run(vars(m)) for m in (sys.modules[__name__], handshakes,
                                      devices)]
    passed, failed = map(sum, zip(*results))
    print("driver: %d passed, %d failed" % (passed, failed))
    sys.exit(failed != 0)
