# SPDX-License-Identifier: ISC
"""TCP servers for the private network, one behaviour a port.

As a module it starts and asks them; as a program it is them. Each connection
that ends gives one line of JSON on standard output: port, how the client's
direction ended ("eof", "reset", ...) and how many bytes came.
"""

import json
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lab import stream  # noqa: E402
from lab.process import Process, as_root, until  # noqa: E402

BANNER = b"220 ready\r\n"
REQUEST = re.compile(r"(\d+) (\d+)")  # seed and size


def echo(conn):
    count = 0
    while True:
        data = conn.recv(65536)
        if data == b"":
            conn.shutdown(socket.SHUT_WR)
            return count
        count += len(data)
        conn.sendall(data)


def source(conn):
    """Reads a request, sends that stream and FIN, waits for the end."""
    seed, size = map(int, REQUEST.match(stream.receive_line(conn)).groups())
    stream.send(conn, seed, size)
    conn.shutdown(socket.SHUT_WR)
    return stream.receive(conn)[0]


def sink(conn):
    """Reads to the end, then answers with size and sha256."""
    size, digest = stream.receive(conn)
    conn.sendall(b"%d %s\n" % (size, digest.encode()))
    return size


def server_first(conn):
    """Greets before anything comes, then echoes."""
    conn.sendall(BANNER)
    return echo(conn)


def server_closes_first(conn):
    """Greets and sends FIN at once, then goes on reading."""
    conn.sendall(BANNER)
    conn.shutdown(socket.SHUT_WR)
    return stream.receive(conn)[0]


def source_then_reset(conn):
    """Reads a request, sends that stream, and RST where FIN would be."""
    seed, size = map(int, REQUEST.match(stream.receive_line(conn)).groups())
    stream.send(conn, seed, size)
    time.sleep(0.2)
    stream.reset(conn)
    return 0


def reset_on_data(conn):
    count = len(conn.recv(65536))
    stream.reset(conn)
    return count


def reader(conn):
    return stream.receive(conn)[0]


def never_reads(conn):
    time.sleep(30)
    return stream.receive(conn)[0]


PORTS = {
    "echo": (7001, echo),
    "source": (7002, source),
    "sink": (7003, sink),
    "server_first": (7004, server_first),
    "server_closes_first": (7005, server_closes_first),
    "source_then_reset": (7006, source_then_reset),
    "reset_on_data": (7007, reset_on_data),
    "reader": (7008, reader),
    "never_reads": (7009, never_reads),
    "closed": (7999, None),
}


def port(name):
    return PORTS[name][0]


class Services:
    """The servers, running in a namespace."""

    def __init__(self, namespace, addresses, folder):
        self.namespace = namespace
        self.addresses = addresses
        self.log_path = os.path.join(folder, "services.log")
        self.process = None

    def start(self):
        argv = as_root([sys.executable, "-u", __file__] + self.addresses)
        self.process = Process("services", self.namespace.command(argv),
                               self.log_path)
        self.process.wait_for_log("^ready$")

    def endings(self, name):
        """What ended so far on that port, oldest first."""
        lines = [json.loads(line)
                 for line in self.process.log().splitlines(keepends=True)
                 if line.startswith("{") and line.endswith("\n")]
        return [line for line in lines if line["service"] == name]

    def wait_ending(self, name, seen=0, seconds=10):
        """The first ending after the first `seen` ones."""
        return until(lambda: self.endings(name)[seen:], seconds,
                     "an ending of " + name)[0]

    def stop(self):
        if self.process is not None:
            self.process.stop()
            self.process = None

    close = stop


# ------------------------------------------------------------ as a program

def serve_one(name, behave, conn, client):
    ending, count = "eof", 0
    try:
        with conn:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            count = behave(conn)
    except ConnectionResetError:
        ending = "reset"
    except BrokenPipeError:
        ending = "broken pipe"
    except (EOFError, OSError) as error:
        ending = str(error)
    line = json.dumps({"service": name, "end": ending, "bytes": count,
                       "client": client[0]})
    os.write(1, (line + "\n").encode())  # whole: others write, too


def serve(name, behave, listener):
    while True:
        conn, client = listener.accept()
        threading.Thread(target=serve_one, daemon=True,
                         args=(name, behave, conn, client)).start()


def listen(address, number):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, number))
    listener.listen(512)
    return listener


def main(addresses):
    for name, (number, behave) in PORTS.items():
        if behave is None:
            continue
        for address in addresses:
            threading.Thread(target=serve, daemon=True, args=(
                name, behave, listen(address, number))).start()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
