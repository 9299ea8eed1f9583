# SPDX-License-Identifier: ISC
"""make demo: psql reaches a private PostgreSQL server through wgproxyd.

Makes a private network on this machine (the lab of the tests), starts
wgproxyd in front of it as a user without rights, and asks with psql. All of
it is gone afterwards.
"""

import os
import shlex
import shutil
import signal
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "test/e2e"))

from lab import netns  # noqa: E402
from lab.lab import APP6, DNS6, OUTER, Lab  # noqa: E402
from lab.process import LabError  # noqa: E402

QUERY = "select name, role from crew order by name"
TABLE = """
create table crew (name text, role text);
insert into crew values ('Ada', 'engineer'), ('Grace', 'admiral'),
    ('Radia', 'protocol designer');
"""


def say(text=""):
    print(text, flush=True)


def step(text):
    say("\n\033[1m==> %s\033[0m" % text if sys.stdout.isatty()
        else "\n==> " + text)


def indented(text):
    return "".join("  " + line + "\n" for line in text.splitlines() if line)


def fill(lab):
    """The rows that psql will see, put there from inside the network."""
    lab.far.run(["psql", "-h", APP6, "-U", "postgres", "-X", "-q", "-c",
                 TABLE])


def show_network(lab):
    say("""\
  this side                              the private network
  psql -> localhost:15432 -> wgproxyd ~~ WireGuard over UDP ~~> wireguard-go
  {near:<38} {far}
  {empty:<38} name server  [{dns}]:53 (unbound)
  {empty:<38} PostgreSQL   [{app}]:5432""".format(
        near=OUTER["near4"], far=OUTER["far4"] + ":51820",
        dns=DNS6, app=APP6, empty=""))
    say("\nThe sides are two network namespaces. From this one there is no "
        "way to\nthe server but the tunnel:")
    show(lab, ["psql", "-h", APP6, "-U", "postgres", "-c", QUERY],
         expect_failure=True)


def show(lab, argv, expect_failure=False):
    """Runs a command on this side and shows it as typed, and its output."""
    say("  $ " + shlex.join(argv))
    done = lab.near.run(argv, check=False, timeout=30)
    say(indented(done.stdout))
    if (done.returncode != 0) != expect_failure:
        raise LabError("that command ended with %d" % done.returncode)
    return done.stdout


def start_daemon(lab):
    daemon = lab.daemon({"pg": {"to": "appname.internal:5432",
                                "listen": 15432}})
    with open(daemon.config) as file:
        say(indented(file.read()))
    say("  $ wgproxyd --config wgproxyd.yaml      (as user nobody, without "
        "capabilities)")
    daemon.start()
    lab.exits.callback(daemon.process.stop)
    say(indented(daemon.process.log()))
    return daemon


def demo():
    step("Making a private network with a PostgreSQL server in it")
    with Lab(services=True, postgres=True) as lab:
        fill(lab)
        show_network(lab)
        step("Starting wgproxyd with this configuration")
        daemon = start_daemon(lab)
        step("Asking the server at localhost:15432")
        start = time.monotonic()
        rows = show(lab, ["psql", "postgres://postgres@localhost:15432",
                          "-c", QUERY])
        seconds = time.monotonic() - start
        if "protocol designer" not in rows:
            raise LabError("psql did not show the rows")
        say("  wgproxyd made the tunnel, looked appname.internal up inside "
            "it and\n  connected to [%s]:5432, in %.0f ms with psql's own "
            "start." % (APP6, seconds * 1000))
        step("Stopping")
        code, seconds = daemon.stop()
        if code != 0:
            raise LabError("wgproxyd ended with %d:\n%s" % (
                code, daemon.process.log()))
        say("  wgproxyd stopped in %.1f s; the network and the server are "
            "removed." % seconds)


def main():
    reason = netns.unavailable()
    if reason is not None:
        say("The demo needs root for its network namespaces: " + reason)
        return 77
    for program in ("wireguard-go", "wg", "unbound", "psql"):
        if shutil.which(program) is None:
            say("%s is not installed; try: make deps-test" % program)
            return 69
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        demo()
    except KeyboardInterrupt:
        say("\nStopped; everything is removed.")
        return 130
    except LabError as error:
        say("\nThe demo failed: %s" % error)
        return 1
    say("\nThe demo worked.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
