# SPDX-License-Identifier: ISC
"""Fixtures: one shared lab for what does no harm to it, own labs else."""

import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lab import daemon as lab_daemon  # noqa: E402
from lab import netns  # noqa: E402
from lab.lab import Lab  # noqa: E402

FULL = os.environ.get("WGPROXYD_E2E_FULL") == "1"


def pytest_configure(config):
    """A runner that is told to end still removes its namespaces. Programs
    inherit which signals are ignored: not those of a shell that runs us in
    the background."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    reason = netns.unavailable()
    if reason is not None and os.environ.get("CI"):
        pytest.exit("CI must run these tests, but " + reason, returncode=1)
    config.no_lab = reason


def pytest_collection_modifyitems(config, items):
    if config.no_lab is None:
        return
    for item in items:
        item.add_marker(pytest.mark.skip(reason=config.no_lab))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the logs of the daemons that run."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for daemon in lab_daemon.RUNNING:
            report.sections.append(("log of " + daemon.folder,
                                    daemon.process.log()[-8000:]))


@pytest.fixture(scope="session")
def shared_lab():
    with Lab(postgres=True) as lab:
        yield lab


@pytest.fixture
def lab(shared_lab):
    """The shared lab: leave it as it was found."""
    yield shared_lab
    assert shared_lab.peer.process.running(), "a test broke the shared lab"


@pytest.fixture
def full():
    """Whether there is time for the long form of a test."""
    return FULL
