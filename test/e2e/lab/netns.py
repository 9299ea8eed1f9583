# SPDX-License-Identifier: ISC
"""Network namespaces: made, entered and removed."""

import contextlib
import ctypes
import glob
import os
import re
import shutil
import socket

from lab.process import run

CLONE_NEWNET = 0x40000000
PREFIX = "wgp"
RUN_DIR = "/run/netns"
FOLDERS = "/tmp/wgproxyd-lab-"  # then the process's id


def setns(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "setns: " + os.strerror(error))


def unavailable():
    """Why no lab can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    name = "%s%d-probe" % (PREFIX, os.getpid())
    done = run(["ip", "netns", "add", name], check=False)
    if done.returncode != 0:
        return "no network namespace: " + done.stdout.strip()
    run(["ip", "netns", "del", name], check=False)
    return None


def sweep():
    """Removes what labs left whose process was killed."""
    for folder in glob.glob(FOLDERS + "*"):
        owner = re.match(r"\d+", folder[len(FOLDERS):])
        if owner and not os.path.exists("/proc/" + owner[0]):
            shutil.rmtree(folder, ignore_errors=True)
    names = os.listdir(RUN_DIR) if os.path.isdir(RUN_DIR) else []
    for name in names:
        owner = re.fullmatch(PREFIX + r"(\d+)-\w+", name)
        if owner and not os.path.exists("/proc/" + owner[1]):
            run(["ip", "netns", "del", name], check=False)
            forget_hosts(name)


def forget_hosts(name):
    folder = "/etc/netns/" + name
    for file in os.listdir(folder) if os.path.isdir(folder) else []:
        os.unlink(os.path.join(folder, file))
    with contextlib.suppress(OSError):
        os.rmdir(folder)
        os.rmdir("/etc/netns")


class Namespace:
    def __init__(self, name):
        self.name = name
        run(["ip", "netns", "add", name])
        self.ip("link", "set", "lo", "up")

    def close(self):
        run(["ip", "netns", "del", self.name], check=False)
        forget_hosts(self.name)

    def command(self, argv):
        return ["ip", "netns", "exec", self.name] + argv

    def run(self, argv, **kwargs):
        return run(self.command(argv), **kwargs)

    def ip(self, *args):
        return run(["ip", "-n", self.name] + list(args))

    def address(self, device, *addresses):
        """Adds addresses with prefix lengths, usable at once."""
        for text in addresses:
            nodad = ["nodad"] if ":" in text else []
            self.ip("address", "add", text, "dev", device, *nodad)

    def set_hosts(self, entries):
        """What /etc/hosts is for commands started here from now on."""
        folder = "/etc/netns/" + self.name
        os.makedirs(folder, exist_ok=True)
        with open(folder + "/hosts", "w") as file:
            file.write("127.0.0.1 localhost\n::1 localhost\n")
            for name, address in entries.items():
                file.write("%s %s\n" % (address, name))

    @contextlib.contextmanager
    def entered(self):
        """Sockets made inside the block belong to this namespace."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open("%s/%s" % (RUN_DIR, self.name), os.O_RDONLY)
        try:
            setns(there)
            yield
        finally:
            setns(home)
            os.close(home)
            os.close(there)

    def socket(self, family, kind=socket.SOCK_STREAM):
        with self.entered():
            return socket.socket(family, kind)

    def connect(self, host, port, seconds=10):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = self.socket(family)
        sock.settimeout(seconds)
        try:
            sock.connect((host, port))
        except OSError:
            sock.close()
            raise
        return sock


def join(one, two, device, addresses_one, addresses_two):
    """A veth pair between two namespaces, up and with addresses."""
    one.ip("link", "add", device, "type", "veth", "peer", "name", device,
           "netns", two.name)
    for namespace, addresses in ((one, addresses_one), (two, addresses_two)):
        namespace.ip("link", "set", device, "up")
        namespace.address(device, *addresses)
