# SPDX-License-Identifier: ISC
"""Bytes that any end can make and check from a seed and a size."""

import hashlib
import random
import socket

BLOCK = 1048573  # a prime: no multiple of a segment, buffer or chunk
MIB = 1 << 20


def block(seed):
    return random.Random(seed).randbytes(BLOCK)


def pieces(seed, size):
    """The stream of that seed and size, a block at a time."""
    whole = memoryview(block(seed))
    while size > 0:
        take = min(size, BLOCK)
        yield whole[:take]
        size -= take


def digest(seed, size):
    total = hashlib.sha256()
    for piece in pieces(seed, size):
        total.update(piece)
    return total.hexdigest()


def send(sock, seed, size):
    for piece in pieces(seed, size):
        sock.sendall(piece)


def receive(sock):
    """Reads to the end; (bytes, sha256). A reset raises."""
    total = hashlib.sha256()
    size = 0
    buffer = bytearray(MIB)
    view = memoryview(buffer)
    while True:
        count = sock.recv_into(buffer)
        if count == 0:
            return size, total.hexdigest()
        total.update(view[:count])
        size += count


def receive_exactly(sock, size):
    parts = []
    while size > 0:
        part = sock.recv(min(size, MIB))
        if part == b"":
            raise EOFError("%d bytes are missing" % size)
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive_line(sock):
    line = b""
    while not line.endswith(b"\n"):
        part = sock.recv(1)
        if part == b"":
            raise EOFError("the line is not complete: %r" % line)
        line += part
    return line.decode().strip()


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    b"\1\0\0\0\0\0\0\0")
    sock.close()
