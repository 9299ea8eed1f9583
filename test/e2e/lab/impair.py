# SPDX-License-Identifier: ISC
"""The impairing relay, test/e2e/impair.c, between near end and peer."""

import os
import subprocess

from lab.process import Process, as_root, run
from lab.wireguard import TOP

SOURCE = os.path.join(TOP, "test/e2e/impair.c")


def build(folder):
    program = os.path.join(folder, "impair")
    if not os.path.exists(program):
        run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2",
             "-o", program, SOURCE])
    return program


class Impair:
    """Listens on `listen` and relays to `server`, both (address, port).

    Settings are those of impair.c; change() alters them while it runs.
    """

    def __init__(self, namespace, folder, listen, server, **settings):
        self.namespace = namespace
        self.listen = listen
        argv = [build(folder), listen[0], str(listen[1]), server[0],
                str(server[1])]
        argv += ["%s=%d" % item for item in settings.items()]
        self.process = Process("impair", namespace.command(as_root(argv)),
                               os.path.join(folder, "impair.log"),
                               stdin=subprocess.PIPE)
        self.process.wait_for_log("ready")

    def change(self, **settings):
        lines = "".join("%s=%d\n" % item for item in settings.items())
        self.process.child.stdin.write(lines.encode())
        self.process.child.stdin.flush()

    def close(self):
        self.process.child.stdin.close()
        self.process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
