#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Line coverage of one folder, from what a build with --coverage left behind.

coverage.py BUILD FOLDER MISSED LEAST   prints a table; MISSED gets the lines
that no test reached, as file:line: text; fails below LEAST percent
"""

import glob
import json
import os
import subprocess
import sys


def reports(build, folder):
    for path in sorted(glob.glob(f"{build}/{folder}/*.gcno")):
        run = subprocess.run(["gcov", "--json-format", "--stdout", path],
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=True)
        yield json.loads(run.stdout)


def counts_by_file(build, folder):
    files = {}
    for report in reports(build, folder):
        for entry in report["files"]:
            name = os.path.normpath(entry["file"])
            if os.path.dirname(name) != folder:
                continue
            lines = files.setdefault(name, {})
            for line in entry["lines"]:
                number = line["line_number"]
                lines[number] = lines.get(number, 0) + line["count"]
    return files


def write_missed(path, files):
    with open(path, "w") as out:
        for name in sorted(files):
            with open(name) as source:
                text = source.read().split("\n")
            for number, count in sorted(files[name].items()):
                if count == 0:
                    print(f"{name}:{number}: {text[number - 1]}", file=out)


def main(build, folder, missed, least):
    files = counts_by_file(build, folder)
    if not files:
        sys.exit(f"no coverage data under {build}/{folder}")
    total = hit = 0
    for name in sorted(files):
        lines = files[name]
        reached = sum(count > 0 for count in lines.values())
        print(f"{name:32} {reached:5} of {len(lines):5} "
              f"{100 * reached / len(lines):6.1f} %")
        total += len(lines)
        hit += reached
    print(f"{'total':32} {hit:5} of {total:5} {100 * hit / total:6.1f} %")
    write_missed(missed, files)
    if 100 * hit < float(least) * total:
        sys.exit(f"less than {least} %: {missed} has the rest")


main(*sys.argv[1:])
