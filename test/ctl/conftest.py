# SPDX-License-Identifier: ISC
"""proxyctl against a daemon written in Python: no root, no network."""

import os
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fake import Fake  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PROXYCTL = os.environ.get("PROXYCTL", os.path.join(ROOT, "build/proxyctl"))


def pytest_configure(config):
    """Programs inherit which signals are ignored: not those of a shell that
    runs us in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def fake(tmp_path):
    daemon = Fake(tmp_path)
    yield daemon
    daemon.close()


@pytest.fixture
def environment(tmp_path):
    """Nothing of the user's own decides."""
    kept = {k: v for k, v in os.environ.items()
            if k in ("PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
    return {**kept, "HOME": str(tmp_path), "TERM": "dumb"}


@pytest.fixture
def run(environment):
    """Runs proxyctl; keyword arguments go to subprocess.run()."""
    def run(*args, **kwargs):
        kwargs.setdefault("env", environment)
        kwargs.setdefault("stdin", None if "input" in kwargs
                          else subprocess.DEVNULL)
        if kwargs["stdin"] is None:
            del kwargs["stdin"]
        kwargs.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([PROXYCTL, *map(str, args)],
                              stderr=subprocess.PIPE, text=True, timeout=20,
                              **kwargs)
    return run


@pytest.fixture
def ctl(run, fake):
    """The same, with the fake daemon's socket."""
    def ctl(*args, **kwargs):
        return run("--socket", fake.path, *args, **kwargs)
    return ctl
