# SPDX-License-Identifier: ISC
"""The part of a service manager that a daemon can see.

It listens where NOTIFY_SOCKET points, keeps descriptors that it is given, and
passes descriptors on in the way of LISTEN_FDS.
"""

import fcntl
import os
import socket
import struct

from lab.process import LabError, until

FIRST_FREE = 200  # copies for a child are above what the child is to get


class Message(dict):
    """The NAME=value lines of one datagram; pid is who sent it."""

    def __init__(self, text, pid, descriptors):
        super().__init__(line.split("=", 1)
                         for line in text.splitlines() if "=" in line)
        self.text = text
        self.pid = pid
        self.descriptors = descriptors


class Manager:
    """Use as a context. store maps names to lists of descriptors."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.setblocking(False)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.messages = []
        self.store = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()
        os.unlink(self.path)
        for descriptors in self.store.values():
            for descriptor in descriptors:
                os.close(descriptor)

    def settings(self, watchdog=None):
        """The environment of a service."""
        environment = {"NOTIFY_SOCKET": self.path}
        if watchdog is not None:
            environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return environment

    def receive(self):
        """Takes what waits; returns all messages so far."""
        while True:
            try:
                data, extra, _, _ = self.socket.recvmsg(4096, 1024)
            except BlockingIOError:
                return self.messages
            pid, descriptors = None, []
            for _, kind, payload in extra:
                if kind == socket.SCM_CREDENTIALS:
                    pid = struct.unpack("iII", payload)[0]
                elif kind == socket.SCM_RIGHTS:
                    count = len(payload) // 4
                    descriptors += struct.unpack("%di" % count, payload)
            message = Message(data.decode(), pid, descriptors)
            self.keep(message)
            self.messages.append(message)

    def keep(self, message):
        name = message.get("FDNAME")
        if message.get("FDSTORE") == "1":
            self.store.setdefault(name, []).extend(message.descriptors)
        if message.get("FDSTOREREMOVE") == "1":
            for descriptor in self.store.pop(name, []):
                os.close(descriptor)

    def wait(self, seconds=10, **fields):
        """The first message with these fields; a value may be a test."""
        def fits(message):
            for name, value in fields.items():
                had = message.get(name)
                good = value(had or "") if callable(value) else had == value
                if not good:
                    return False
            return True

        def look():
            return [m for m in self.receive() if fits(m)]
        try:
            return until(look, seconds, "a message with %s" % fields)[0]
        except LabError as error:
            raise LabError("%s; there are %s" % (
                error, [m.text for m in self.receive()]))


def activation(named, pid="$$"):
    """How to start a child with descriptors: (argv in front, pass_fds).

    named is a list of (name, descriptor). The shell's process id stays the
    child's, so it can tell the child for whom LISTEN_FDS is meant.
    """
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, FIRST_FREE)
              for _, descriptor in named]
    script = ""
    for number, copy in enumerate(copies, 3):
        script += "exec %d<&%d %d<&-; " % (number, copy, copy)
    script += "export LISTEN_FDS=%d LISTEN_FDNAMES=%s LISTEN_PID=%s; " % (
        len(named), ":".join(name for name, _ in named), pid)
    return ["bash", "-c", script + 'exec "$@"', "bash"], copies
