# SPDX-License-Identifier: ISC
"""The control socket: raw requests, and proxyctl."""

import json
import os
import socket
import subprocess

from lab import daemon as lab_daemon


class Control:
    """One client of a daemon's control socket."""

    def __init__(self, path, seconds=15):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(seconds)
        self.sock.connect(path)
        self.rest = b""

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        """The next reply as a value, or None when the daemon hung up."""
        while b"\n" not in self.rest:
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not part:
                return None
            self.rest += part
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, op, **members):
        """The whole reply."""
        self.send(json.dumps(dict(members, v=1, op=op)).encode() + b"\n")
        return self.line()

    def result(self, op, **members):
        reply = self.ask(op, **members)
        assert reply["ok"], reply
        return reply["result"]

    def error(self, op, **members):
        reply = self.ask(op, **members)
        assert not reply["ok"], reply
        return reply["error"]

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def proxyctl(daemon, *arguments, check=True, seconds=30):
    """Runs proxyctl as root in the daemon's namespace."""
    program = os.path.join(os.path.dirname(lab_daemon.BINARY), "proxyctl")
    done = subprocess.run(
        daemon.namespace.command([program, "--socket", daemon.socket,
                                  *arguments]),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=seconds)
    if check:
        assert done.returncode == 0, (arguments, done)
    return done


def forward(control, name):
    """The forward of that name, or None."""
    after = 0
    while after is not None:
        page = control.result("list", after=after)
        for entry in page["forwards"]:
            if entry["name"] == name:
                return entry
        after = page.get("next")
    return None
