# SPDX-License-Identifier: ISC
"""The driver as a process, vectors as words, and a runner of tests."""

import os
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "vectors")
sys.path.insert(0, VECTORS)


class Driver:
    def __init__(self):
        self.process = subprocess.Popen(
            [os.environ.get("WG_DRIVER", "build/test/wg_driver")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def raw(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().rstrip("\n")

    def ask(self, *words):
        """Bytes become hex; the answer is a text."""
        return self.raw(" ".join(text(w) for w in words).encode())

    def words(self, *words):
        return self.ask(*words).split()

    def end(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.stdout.close()
        code = self.process.wait(timeout=20)
        assert (code, rest) == (0, b""), (code, rest)


def text(word):
    if isinstance(word, bytes):
        return word.hex() or "-"
    return str(word)


def same(got, expected):
    got, expected = text(got), text(expected)
    assert got == expected, "got %s, expected %s" % (got, expected)


def lines(name):
    """The words of each line, ours and those of WG_VECTORS."""
    for folder in (VECTORS, os.environ.get("WG_VECTORS", "")):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            assert folder != VECTORS, path
            continue
        with open(path, encoding="ascii") as file:
            for line in file:
                if not line.startswith("#"):
                    yield line.split()


def run(tests):
    """Each test_* of a dictionary with a driver of its own; (passed, failed)."""
    passed = failed = 0
    for name, test in list(tests.items()):
        if not name.startswith("test_") or not callable(test):
            continue
        driver = Driver()
        try:
            test(driver)
            driver.end()
            passed += 1
        except Exception:
            traceback.print_exc()
            print("not ok: %s" % name)
            driver.process.kill()
            driver.process.wait()
            failed += 1
    return passed, failed
