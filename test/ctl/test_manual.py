# SPDX-License-Identifier: ISC
"""The manual page knows every command and every option of each."""

import os
import re
import shutil
import subprocess

import pytest

from conftest import ROOT

PAGE = os.path.join(ROOT, "doc/proxyctl.1")


def entries():
    """Command to its part of the page."""
    text = open(PAGE, encoding="utf-8").read()
    text = text[:text.index(".Sh ENVIRONMENT")]
    parts = re.split(r"(?m)^\.It Ic (\w+)", text)
    return dict(zip(parts[1::2], parts[2::2]))


def test_commands_and_options(run):
    listed = run("--help").stdout.split("\n\n")[2]
    names = [line.split()[0] for line in listed.splitlines()]
    parts = entries()
    assert set(parts) == set(names)
    shared = set(re.findall(r"(?m)^  (-[\w-]+)", run("--help").stdout))
    for name in names:
        options = set(re.findall(r"(?m)^  (-[\w-]+)",
                                 run(name, "--help").stdout)) - shared
        for option in options:
            assert re.search(r"Fl -?%s\b" % re.escape(option.lstrip("-")),
                             parts[name]), (name, option)


@pytest.mark.parametrize("check", [
    ["groff", "-ww", "-man", "-Tutf8", "-z", PAGE],
    ["mandoc", "-T", "lint", "-W", "warning", PAGE]])
def test_page_is_clean(check):
    if not shutil.which(check[0]):
        pytest.skip("no %s here" % check[0])
    done = subprocess.run(check, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
