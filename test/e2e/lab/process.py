# SPDX-License-Identifier: ISC
"""Child processes: each with a log file, none outlives its maker."""

import os
import re
import signal
import subprocess
import time


class LabError(Exception):
    """The lab itself failed; the message says what to look at."""


def run(argv, check=True, **kwargs):
    """Runs a short command; a failure carries what it printed."""
    kwargs.setdefault("timeout", 60)
    if "input" not in kwargs:
        kwargs.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **kwargs)
    if check and done.returncode != 0:
        raise LabError("%s: exit %d: %s" % (" ".join(argv), done.returncode,
                                            done.stdout.strip()))
    return done


def as_user(user, argv):
    """argv with all rights given away; dies with its maker."""
    return ["setpriv", "--reuid", user, "--regid", str(group_of(user)),
            "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
            "--no-new-privs", "--pdeathsig", "KILL"] + argv


def as_root(argv):
    return ["setpriv", "--pdeathsig", "KILL"] + argv


def group_of(user):
    import pwd
    return pwd.getpwnam(user).pw_gid


def until(condition, seconds, what, step=0.02):
    """Waits for condition() to be true and returns what it gave."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError("%s: not within %g s" % (what, seconds))
        time.sleep(step)


class Process:
    """One child. Its two output streams go to log_path."""

    def __init__(self, name, argv, log_path, **kwargs):
        self.name = name
        self.log_path = log_path
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        with open(log_path, "wb") as log:
            self.child = subprocess.Popen(
                argv, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, **kwargs)

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def wait_for_log(self, pattern, seconds=10):
        """The first match in the log; a process that ends is an error."""
        def look():
            found = re.search(pattern, self.log(), re.MULTILINE)
            if found is None and not self.running():
                found = re.search(pattern, self.log(), re.MULTILINE)
                if found is None:
                    raise LabError("%s ended with %d:\n%s" % (
                        self.name, self.child.returncode, self.log()))
            return found
        return until(look, seconds, "%s: log line %r" % (self.name, pattern))

    def stop(self, sig=signal.SIGTERM, seconds=5):
        """Ends the process and its group; returns the exit code."""
        if self.running():
            os.kill(self.child.pid, sig)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.child.wait(seconds)
