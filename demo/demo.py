# SPDX-License-Identifier: ISC
"""make demo: a private network in a box, and psql through it.

Starts a PostgreSQL server that listens on nothing but a Unix socket, a gateway
beside it and a client in front, all as the current user and on this machine,
and asks with psql. All of it is gone afterwards.
"""

import contextlib
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "test/e2e"))

from lab.postgres import program, server_user  # noqa: E402
from lab.process import LabError, Process, as_user, run  # noqa: E402

BUILD = os.path.dirname(os.environ.get("WGPROXYD",
                                       os.path.join(TOP, "build/wgproxyd")))
QUERY = "select name, role from crew order by name"
TABLE = """
create table crew (name text, role text);
insert into crew values ('Ada', 'engineer'), ('Grace', 'admiral'),
    ('Radia', 'protocol designer');
"""
SECRET = re.compile(r"(Key = )\S+")


def say(text=""):
    print(text, flush=True)


def step(text):
    say("\n\033[1m==> %s\033[0m" % text if sys.stdout.isatty()
        else "\n==> " + text)


def indented(text):
    return "".join("  " + line + "\n" for line in text.splitlines() if line)


class Box:
    """A folder of its own, and programs that end with it.

    PostgreSQL does not run as root: then everything runs as its user.
    """

    def __init__(self, exits):
        self.exits = exits
        self.folder = tempfile.mkdtemp(prefix="wgproxyd-demo-")
        exits.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.user = server_user() if os.geteuid() == 0 else None
        for name in ("wgproxyd", "proxyctl"):
            shutil.copy(os.path.join(BUILD, name), self.folder)
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def command(self, argv):
        return argv if self.user is None else as_user(self.user, argv)

    def run(self, argv, **kwargs):
        kwargs.setdefault("cwd", self.folder)
        return run(self.command(argv), **kwargs)

    def start(self, name, argv):
        process = Process(name, self.command(argv), self.path(name + ".log"),
                          cwd=self.folder)
        self.exits.callback(process.stop)
        return process

    def show(self, argv, typed=None, **kwargs):
        """Runs a command and shows it as typed, and what it printed."""
        say("  $ " + (typed or shlex.join(argv)))
        done = self.run(argv, **kwargs)
        say(indented(done.stdout))
        return done.stdout


def free_port(kind, wanted=0):
    """A port of the loopback; the one wanted, if it can be had."""
    with socket.socket(socket.AF_INET, kind) as sock:
        try:
            sock.bind(("127.0.0.1", wanted))
        except OSError:
            sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def start_postgres(box):
    data, sockets = box.path("data"), box.path("pg")
    box.run(["mkdir", "-m", "700", sockets])
    box.run([program("initdb"), "-D", data, "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"],
            timeout=120)
    server = box.start("postgres", [
        program("postgres"), "-D", data, "-c", "listen_addresses=",
        "-c", "unix_socket_directories=" + sockets, "-c", "fsync=off"])
    server.wait_for_log("ready to accept connections", 30)
    box.run(["psql", "-h", sockets, "-U", "postgres", "-X", "-q", "-c",
             TABLE])
    say("  PostgreSQL listens on %s/.s.PGSQL.5432\n  and on no port: "
        "without the tunnel no other machine could reach it." % sockets)
    return sockets + "/.s.PGSQL.5432"


def make_network(box, target, port):
    box.show(["./proxyctl", "network", "init", "--gateway",
              "127.0.0.1:%d" % port, "--expose", "appname=5432:" + target,
              "net"])
    for name in ("gateway.yaml", "client1.conf"):
        with open(box.path("net", name)) as file:
            text = SECRET.sub(r"\1...", file.read())
        say("  net/%s:\n%s" % (name, indented(indented(text))))


def start_daemon(box, name, options, event):
    own = ["--state-dir", box.path(name + ".state"), "--socket",
           box.path(name + ".sock")]
    say("  $ " + shlex.join(["wgproxyd"] + options))
    box.run(["mkdir", "-m", "700", name + ".state"])
    daemon = box.start(name, ["./wgproxyd"] + options + own)
    daemon.wait_for_log("event=" + event)
    say(indented(daemon.log()))
    return daemon


def ask(box, port):
    start = time.monotonic()
    rows = box.show(["psql", "-X",
                     "postgres://postgres@localhost:%d" % port, "-c", QUERY])
    seconds = time.monotonic() - start
    if "protocol designer" not in rows:
        raise LabError("psql did not show the rows")
    say("  The client made the tunnel, looked appname.internal up inside it, "
        "and the\n  gateway handed the connection to PostgreSQL, in %.0f ms "
        "with psql's own start." % (seconds * 1000))


def stop(daemons):
    for daemon in daemons:
        code = daemon.stop()
        if code != 0:
            raise LabError("%s ended with %d:\n%s" % (daemon.name, code,
                                                      daemon.log()))
    say("  Both daemons, the server and their files are gone.")


def demo(exits):
    box = Box(exits)
    local = free_port(socket.SOCK_STREAM, 15432)
    say("A private network in a box: no root, no TUN, no routes; everything "
        "runs as %s." % (box.user or pwd.getpwuid(os.getuid()).pw_name))
    step("A PostgreSQL server, for the demo only")
    target = start_postgres(box)
    step("A private network: one gateway, one client")
    make_network(box, target, free_port(socket.SOCK_DGRAM))
    step("The gateway, beside the server")
    gateway = start_daemon(box, "gateway", ["--config", "net/gateway.yaml"],
                           "exposed")
    step("The client, as on a laptop")
    client = start_daemon(box, "client", [
        "--wireguard", "net/client1.conf", "--forward",
        "%d:appname.internal:5432" % local], "listening")
    step("psql, by way of localhost:%d" % local)
    ask(box, local)
    box.show(["./proxyctl", "--socket", box.path("client.sock"), "ls"],
             "proxyctl ls")
    step("Stopping")
    stop([client, gateway])


def main():
    for name in ("wgproxyd", "proxyctl"):
        if not os.access(os.path.join(BUILD, name), os.X_OK):
            say("%s is not built; run: make" % name)
            return 69
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with contextlib.ExitStack() as exits:
            demo(exits)
    except KeyboardInterrupt:
        say("\nStopped; everything is removed.")
        return 130
    except (LabError, subprocess.SubprocessError) as error:
        say("\nThe demo failed: %s" % error)
        return 1
    say("\nThe demo worked.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
