# SPDX-License-Identifier: ISC
"""make bench-check: instructions of fixed work, against those on record.

    guard.py [--accept] PROGRAM CC

callgrind counts what our own code executes: libraries are left out, because
they choose their code by the CPU. So a count belongs to a compiler's version
and to nothing else, and is the same on every machine and in every run.
"""

import concurrent.futures
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "instructions.json")
ROUNDS = {"up": 60, "down": 60, "query": 1500, "connect": 400}
GROWTH = 0.03


def compiler(command):
    """Such as "gcc 12 x86_64"."""
    text = subprocess.run(command.split() + ["--version"],
                          capture_output=True, text=True).stdout
    version = re.search(r"(\d+)\.\d+\.\d+", text)
    name = "clang" if "clang" in text else "gcc"
    return "%s %s %s" % (name, version[1] if version else "?",
                         platform.machine())


def own_instructions(path, program):
    """The self cost of all functions of the program in a callgrind file."""
    total, ours, skip = 0, False, False
    with open(path, errors="replace") as file:
        for line in file:
            if line.startswith("ob="):
                ours = os.path.basename(line.strip()) == program
            elif line.startswith("calls="):
                skip = True  # the next line is the callee's
            elif line[:1].isdigit() or line[:1] in "+-*":
                if ours and not skip:
                    total += int(line.split()[1])
                skip = False
    return total


def count(program, scenario, folder):
    """Instructions of one round, the start-up left out."""
    totals = []
    for rounds in (0, ROUNDS[scenario]):
        path = os.path.join(folder, "%s.%d" % (scenario, rounds))
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--compress-strings=no",
             "--compress-pos=no", "--callgrind-out-file=" + path, program,
             scenario, str(rounds)], capture_output=True, text=True,
            env={"PATH": os.environ["PATH"]})
        if done.returncode != 0:
            raise SystemExit("%s: %s" % (scenario, done.stderr[-2000:]))
        totals.append(own_instructions(path, os.path.basename(program)))
    return round((totals[1] - totals[0]) / ROUNDS[scenario])


def without_debug(program, folder):
    """valgrind gives up on the debug information of some compilers."""
    bare = os.path.join(folder, os.path.basename(program))
    subprocess.run(["strip", "-g", "-o", bare, program], check=True)
    return bare


def measure(program):
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        bare = without_debug(program, folder)
        found = {name: pool.submit(count, bare, name, folder)
                 for name in ROUNDS}
        return {name: future.result() for name, future in found.items()}


def read_record():
    if not os.path.exists(RECORD):
        return {}
    with open(RECORD) as file:
        return json.load(file)


def compare(found, expected):
    """Prints a line for each; how many have grown too much."""
    grown = 0
    for name, now in found.items():
        before = expected.get(name, now)
        change = now / before - 1
        grown += change > GROWTH
        print("%-8s %9d instructions a round, %+.1f %%%s" % (
            name, now, 100 * change, "  TOO MANY" if change > GROWTH else ""))
    return grown


def main(argv):
    accept = "--accept" in argv
    program, command = [a for a in argv if a != "--accept"]
    if shutil.which("valgrind") is None:
        print("guard: skipped, valgrind is not installed")
        return 0
    record, kind = read_record(), compiler(command)
    if kind not in record and not accept:
        print("guard: skipped, there are no figures of %s; "
              "make bench-accept records them" % kind)
        return 0
    found = measure(program)
    if accept:
        record[kind] = found
        with open(RECORD, "w") as file:
            json.dump(record, file, indent=1, sort_keys=True)
            file.write("\n")
    grown = compare(found, record[kind])
    print("guard: %d passed, %d failed" % (len(found) - grown, grown))
    print("of " + kind)
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
