# SPDX-License-Identifier: ISC
"""Turns vectors of other projects into lines that the unit tests read.

    convert.py FOLDER    writes blake2s.txt, x25519.txt, xaead.txt here

One case a line, fields in hex, "-" for an empty one, "#" starts a comment.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WYCHEPROOF = "C2SP/wycheproof, testvectors_v1/%s, Apache-2.0"


def write(name, source, fields, rows):
    with open(os.path.join(HERE, name), "w", encoding="ascii") as out:
        out.write("# source: %s\n# %s\n" % (source, fields))
        for row in rows:
            out.write(" ".join(field or "-" for field in row) + "\n")


def blake2s(folder):
    rows, key, data = [], None, None
    for line in open(os.path.join(folder, "blake2s-kat.txt"), encoding="ascii"):
        word, _, value = line.strip().partition(":")
        value = value.strip()
        if word == "in":
            data = value
        elif word == "key":
            key = value
        elif word == "hash":
            rows.append((key, data, value))
    write("blake2s.txt", "BLAKE2/BLAKE2, testvectors/blake2s-kat.txt, CC0",
          "key input hash", rows)


def cases(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        for group in json.load(file)["testGroups"]:
            for case in group["tests"]:
                yield group, case


def x25519(folder):
    name = "x25519_test.json"
    rows = [("zero" if "ZeroSharedSecret" in case["flags"] else "ok",
             case["private"], case["public"], case["shared"])
            for _, case in cases(folder, name)]
    write("x25519.txt", WYCHEPROOF % name, "result private public shared", rows)


def aead(folder, name, out, fits, what):
    rows = [(case["result"], case["key"], case["iv"], case["aad"],
             case["msg"], case["ct"] + case["tag"])
            for _, case in cases(folder, name) if fits(case)]
    write(out, WYCHEPROOF % name + "; only " + what,
          "result key nonce ad plain sealed", rows)


def cookie_ad(case):
    return len(case["iv"]) == 48 and len(case["aad"]) == 32


def main():
    folder = sys.argv[1]
    blake2s(folder)
    x25519(folder)
    aead(folder, "xchacha20_poly1305_test.json", "xaead.txt", cookie_ad,
         "16 bytes of associated data, as in cookie replies")


main()
