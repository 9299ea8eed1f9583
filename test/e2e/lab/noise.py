# SPDX-License-Identifier: ISC
"""A control socket's worst clients: python3 -m lab.noise SOCKET LINES.

Sends that many lines of garbage from several clients, while others begin a
line and stop, or ask and never take an answer. Prints what came back.
"""

import json
import random
import socket
import sys

LINES = [
    b"", b"{", b"[]", b"status", b"\x00\xff", b"{" * 100,
    b'{"v":1}', b'{"v":2,"op":"status"}', b'{"v":1,"op":"nothing"}',
    b'{"v":1,"op":"add","spec":"x"}', b'{"v":1,"op":"rm","forward":"none"}',
    b'{"v":1,"op":"list","after":-1}', b'"' + b"x" * 4000 + b'"',
    b'{"v":1,"op":"kill","connection":9223372036854775807}',
]


def client(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(10)
    sock.connect(path)
    return sock


def half(path):
    """Begins a request and never ends it."""
    sock = client(path)
    sock.sendall(b'{"v":1,"op":')
    return sock


def deaf(path):
    """Asks until nothing more goes in, and takes no answer."""
    sock = client(path)
    sock.setblocking(False)
    try:
        while True:
            sock.send(b'{"v":1,"op":"status"}\n' * 100)
    except OSError:
        return sock


def garbage(path, count, seed=1):
    """The answers, counted by their code."""
    chooser = random.Random(seed)
    sock = client(path)
    file = sock.makefile("rwb")
    codes = {}
    for _ in range(count):
        line = chooser.choice(LINES)
        if chooser.random() < 0.5:
            line = bytes(chooser.randrange(256) for _ in range(
                chooser.randrange(200))).replace(b"\n", b"")
        file.write(line + b"\n")
        file.flush()
        reply = json.loads(file.readline())
        code = "ok" if reply["ok"] else reply["error"]["code"]
        codes[code] = codes.get(code, 0) + 1
    return codes


def main(path, lines):
    held = [half(path) for _ in range(4)] + [deaf(path) for _ in range(4)]
    print(json.dumps(garbage(path, int(lines))))
    for sock in held:
        sock.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
