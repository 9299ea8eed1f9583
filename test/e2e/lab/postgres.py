# SPDX-License-Identifier: ISC
"""A PostgreSQL cluster of its own in the private network."""

import glob
import os
import pwd
import shutil
import signal

from lab.process import LabError, Process, as_user, run

OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "220",
    "unix_socket_directories": "",
    "logging_collector": "off",
    "port": "5432",
}


def program(name):
    """A server program of the newest PostgreSQL installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + name))
    path = found[-1] if found else shutil.which(name)
    if path is None:
        raise LabError("PostgreSQL's %s is not installed" % name)
    return path


def server_user():
    """PostgreSQL refuses to run as root."""
    for user in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(user).pw_name
        except KeyError:
            pass
    raise LabError("there is no user to run PostgreSQL as")


class Postgres:
    def __init__(self, namespace, addresses, folder):
        self.namespace = namespace
        self.addresses = addresses
        self.data = os.path.join(folder, "postgres")
        self.log_path = os.path.join(folder, "postgres.log")
        self.user = server_user()
        self.process = None

    def start(self):
        if not os.path.exists(self.data):
            self.make_cluster()
        options = dict(OPTIONS, listen_addresses=",".join(self.addresses))
        argv = [program("postgres"), "-D", self.data]
        for name, value in options.items():
            argv += ["-c", "%s=%s" % (name, value)]
        self.process = Process(
            "postgres", self.namespace.command(as_user(self.user, argv)),
            self.log_path, cwd=self.data)
        self.process.wait_for_log("ready to accept connections", 30)

    def make_cluster(self):
        entry = pwd.getpwnam(self.user)
        os.mkdir(self.data, 0o700)
        os.chown(self.data, entry.pw_uid, entry.pw_gid)
        run(as_user(self.user, [
            program("initdb"), "-D", self.data, "-U", "postgres", "-A",
            "trust", "-E", "UTF8", "--locale=C", "--no-sync",
            "--no-instructions"]), cwd=self.data, timeout=120)
        with open(self.data + "/pg_hba.conf", "w") as file:
            file.write("host all all all trust\n")

    def stop(self, sig=signal.SIGINT):
        if self.process is not None:
            self.process.stop(sig)
            self.process = None

    close = stop
