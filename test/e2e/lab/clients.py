# SPDX-License-Identifier: ISC
"""What clients do to a forward, and what they must see."""

import subprocess
import time

from lab import stream
from lab.process import until


def psql(lab, port, *args, host="localhost", **kwargs):
    """Runs psql in the near namespace; its output."""
    return lab.near.run(psql_argv(port, host) + list(args), **kwargs).stdout


def psql_argv(port, host="localhost"):
    return ["psql", "-h", host, "-p", str(port), "-U", "postgres", "-X",
            "-At", "-v", "ON_ERROR_STOP=1"]


def start(lab, argv, **kwargs):
    """A client that runs beside the test."""
    return subprocess.Popen(lab.near.command(argv), text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **kwargs)


def download(daemon, forward, size, seed=1, **kwargs):
    """Takes size bytes from a source; raises unless they are its bytes."""
    with daemon.connect(forward, **kwargs) as sock:
        sock.settimeout(60)
        sock.sendall(b"%d %d\n" % (seed, size))
        assert stream.receive(sock) == (size, stream.digest(seed, size))


def upload(daemon, forward, size, seed=1, **kwargs):
    """Gives size bytes to a sink; raises unless it got just those."""
    with daemon.connect(forward, **kwargs) as sock:
        sock.settimeout(60)
        stream.send(sock, seed, size)
        sock.shutdown(1)
        assert stream.receive_line(sock) == "%d %s" % (
            size, stream.digest(seed, size))
        assert sock.recv(1) == b""


def echoes(daemon, forward, text=b"hello", **kwargs):
    """One text there and back, and a clean end."""
    with daemon.connect(forward, **kwargs) as sock:
        sock.sendall(text)
        assert stream.receive_exactly(sock, len(text)) == text
        sock.shutdown(1)
        assert sock.recv(1) == b""


def is_refused(daemon, forward, reason, seconds=10, host="127.0.0.1"):
    """A client is refused or reset in time, and the log says why: at the
    port when the target is known to be down, else for this client.

    Returns how long it took.
    """
    start = time.monotonic()
    count = len(refusals(daemon, forward))
    try:
        with daemon.connect(forward, host, seconds + 1) as sock:
            rest = sock.recv(1)
            raise AssertionError("neither refused nor reset, got %r" % rest)
    except ConnectionRefusedError:
        took = time.monotonic() - start
        last = daemon.events("forward_down", forward=forward)[-1]
    except ConnectionResetError:
        took = time.monotonic() - start
        daemon.wait_event("conn_refused", 2, count + 1, forward=forward)
        last = refusals(daemon, forward)[-1]
    assert reason in (None, last["reason"]), last
    assert last.get("text"), "the log line has no sentence"
    assert took <= seconds, "it took %.1f s" % took
    return took


def echoes_within(daemon, forward, seconds):
    """The forward is down, or was: it works again in time, and nobody has to
    ask. Returns how long it took."""
    def try_it():
        try:
            echoes(daemon, forward, seconds=seconds)
        except (ConnectionRefusedError, ConnectionResetError):
            return False
        return True
    start = time.monotonic()
    until(try_it, seconds, "%s works again" % forward)
    return time.monotonic() - start


def refusals(daemon, forward):
    return daemon.events("conn_refused", forward=forward)
