# SPDX-License-Identifier: ISC
"""The program under test, run as it should be: nobody, no rights."""

import os
import pwd
import re
import shutil
import signal
import time

from lab.manager import activation
from lab.process import LabError, Process, as_user, until
from lab.wireguard import TOP, private

BINARY = os.environ.get("WGPROXYD", os.path.join(TOP, "build/wgproxyd"))
USER = "nobody"
FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')
RUNNING = []  # for those who want to show logs


def binary():
    """WGPROXYD, or build/wgproxyd."""
    if not os.access(BINARY, os.X_OK):
        raise LabError(BINARY + " is not built")
    return BINARY


def parse_events(text):
    """Log lines with event=... as dictionaries; only whole lines."""
    events = []
    for line in text.splitlines(keepends=True):
        if "event=" in line and line.endswith("\n"):
            fields = {m[1]: m[2] if m[2] is not None else m[3]
                      for m in FIELD.finditer(line)}
            events.append(fields)
    return events


def yaml_text(value, indent=""):
    """The little YAML that our configurations need."""
    lines = ""
    for key, item in value.items():
        if isinstance(item, dict):
            lines += indent + key + ":\n" + yaml_text(item, indent + "  ")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            lines += indent + key + ":\n"
            for entry in item:
                text = yaml_text(entry, indent + "    ")
                lines += indent + "  - " + text.lstrip()
        elif isinstance(item, list):
            lines += "%s%s: [%s]\n" % (indent, key,
                                       ", ".join(map(yaml_scalar, item)))
        else:
            lines += "%s%s: %s\n" % (indent, key, yaml_scalar(item))
    return lines


def yaml_scalar(value):
    text = str(value).lower() if isinstance(value, bool) else str(value)
    plain = re.fullmatch(r"[\w/.+=-]([\w/.+=:-]*[\w/.+=-])?", text)
    return text if plain else '"%s"' % text


def write_private(path, text, user=USER):
    """A file that only its user may read."""
    with open(path, "w", opener=private) as file:
        file.write(text)
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)


class Daemon:
    """One wgproxyd. Use as a context; leaving it must take 5 s at most.

    forwards maps names to targets "host:port"; each listens on a port that
    the system chooses, read from the log into self.ports. Settings:
    arguments, environment, nofile, wrapper (a command in front),
    descriptors (pairs of a name and what to pass in the way of LISTEN_FDS),
    sandbox (its options instead of --strict-sandbox),
    more_tunnels (name to tunnel, beside the one called "lab") and
    more (other keys of the configuration).
    """

    def __init__(self, namespace, folder, tunnel, forwards, **settings):
        self.namespace = namespace
        self.folder = folder
        self.tunnel = tunnel
        self.forwards = forwards
        self.settings = settings
        self.config = os.path.join(folder, "wgproxyd.yaml")
        self.cwd = os.path.join(folder, "empty")
        self.ports = {}
        self.process = None
        os.makedirs(folder, exist_ok=True)
        os.makedirs(self.cwd, exist_ok=True)
        os.chmod(self.cwd, 0o555)
        self.state = os.path.join(folder, "state")
        self.socket = os.path.join(folder, "run", "control.sock")
        for own in (self.state, os.path.dirname(self.socket)):
            os.makedirs(own, exist_ok=True)
            shutil.chown(own, USER)
        self.program = os.path.join(folder, "wgproxyd")
        shutil.copy(binary(), self.program)
        self.tunnel = tunnel
        self.configure(forwards)

    def configure(self, forwards):
        """Writes the configuration; a running daemon reads it on reload."""
        self.forwards = forwards
        write_private(self.config, yaml_text(self.document(self.tunnel)))

    def document(self, tunnel):
        """The configuration as a value."""
        tunnels = {"lab": self.with_key_file("lab", tunnel)}
        for name, more in self.settings.get("more_tunnels", {}).items():
            tunnels[name] = self.with_key_file(name, more)
        document = {"tunnels": tunnels, "forwards": []}
        document.update(self.settings.get("more", {}))
        for name, target in self.forwards.items():
            if not isinstance(target, dict):
                target = {"to": target}
            document["forwards"].append(
                dict({"listen": 0, "name": name}, **target))
        return document

    def with_key_file(self, name, tunnel):
        tunnel = dict(tunnel)
        tunnel["private_key_file"] = os.path.join(self.folder, name + ".key")
        write_private(tunnel["private_key_file"],
                      tunnel.pop("private_key") + "\n")
        return tunnel

    def argv(self):
        return (self.settings.get("wrapper", [])
                + [self.program, "--config", self.config] + self.places()
                + self.sandbox() + self.settings.get("arguments", []))

    def places(self):
        """For state and control, unless the test has its own."""
        if "--state-dir" in self.settings.get("arguments", []):
            return []
        return ["--state-dir", self.state, "--socket", self.socket]

    def sandbox(self):
        """A forbidden system call ends the daemon, so that a test fails.

        Tools that live in its process make calls of their own.
        """
        with open(self.program, "rb") as file:
            sanitized = b"__asan_init" in file.read()
        if sanitized or "wrapper" in self.settings:
            return ["--no-sandbox"]
        return self.settings.get("sandbox", ["--strict-sandbox"])

    def start(self, seconds=10):
        """Starts it and waits until each forward listens."""
        limits = ["prlimit", "--nofile=%d" % self.settings.get("nofile", 256)]
        environment = {
            "PATH": os.environ["PATH"],
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99"
                            ":verify_asan_link_order=0",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        }
        environment.update(self.settings.get("environment", {}))
        front, passed = [], []
        if "descriptors" in self.settings:
            front, passed = activation(self.settings["descriptors"])
        self.process = Process(
            "wgproxyd",
            front + self.namespace.command(
                limits + as_user(USER, self.argv())),
            os.path.join(self.folder, "wgproxyd.log"), cwd=self.cwd,
            env=environment, pass_fds=passed)
        for descriptor in passed:
            os.close(descriptor)
        RUNNING.append(self)
        self.wait_listening(seconds * self.slowness())
        return self

    def slowness(self):
        """How much longer than usual to wait."""
        return 6 if "wrapper" in self.settings else 1

    def wait_listening(self, seconds):
        def all_listen():
            if not self.process.running():
                raise LabError("wgproxyd ended with %d:\n%s" % (
                    self.process.child.returncode, self.process.log()))
            events = self.events("listening")
            for event in events:
                found = re.search(r":(\d+)$", event["local"])
                if found:
                    self.ports[event["forward"]] = int(found[1])
            return len(events) >= len(self.forwards)
        until(all_listen, seconds, "every forward listens")

    def events(self, name=None, **fields):
        if name is not None:
            fields["event"] = name
        return [e for e in parse_events(self.process.log())
                if all(e.get(k) == v for k, v in fields.items())]

    def wait_event(self, name, seconds=10, count=1, **fields):
        """The count-th event of that name and those fields."""
        try:
            return until(lambda: self.events(name, **fields)[count - 1:],
                         seconds, "event=%s %s" % (name, fields))[0]
        except LabError as error:
            raise LabError("%s; the log:\n%s" % (error, self.process.log()))

    def connect(self, forward, host="127.0.0.1", seconds=10):
        return self.namespace.connect(host, self.ports[forward], seconds)

    def stop(self, sig=signal.SIGTERM, seconds=5):
        """(exit code, seconds it took)."""
        if self in RUNNING:
            RUNNING.remove(self)
        start = time.monotonic()
        code = self.process.stop(sig, seconds * self.slowness())
        return code, time.monotonic() - start

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        """A test that passed must also leave a daemon that ends well."""
        if not self.process.running() and kind is None and \
                self.process.child.returncode == 0:
            return
        code, seconds = self.stop()
        if kind is not None:
            return
        if code != 0:
            raise AssertionError("wgproxyd ended with %d:\n%s" % (
                code, self.process.log()[-8000:]))
        assert seconds < 5 * self.slowness(), "it took %.1f s" % seconds
