#!/usr/bin/env python3
"""Runs OCR commands one after the other over one corpus and prints one table: errors, words, tables, CPU time, memory.

usage: compare.py [--corpus DIR] [--score FILE] [--only GLOB] [--keep DIR] NAME='COMMAND' ...
  NAME='COMMAND'  what to print in the first column, and the command; image paths are appended; it prints a JSON document a line (DESIGN.md)
  --corpus, --score   ../shared/fixtures and ../shared/tools/score_ocr.py beside this repository unless told
  --keep DIR          keep each command's output there
Needs what score_ocr.py needs: pip install rapidfuzz apted lxml

CPU time is user + system of the command and all its children; memory is the largest resident set of one process among them.
"""
import argparse
import fnmatch
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

SHARED = pathlib.Path(__file__).resolve().parents[4] / "shared"
COLUMNS = (("lang ru", "CER"), ("lang ru", "wF1"), ("all", "CER"), ("all", "wF1"), ("tables", "TEDS"), ("tables ru", "TEDS"), ("all", "failed"))
HEAD = "| engine | Russian CER | Russian wF1 | all CER | all wF1 | tables TEDS | Russian tables TEDS | failed | CPU s | wall s | peak MB |"


def images(corpus, only):
    """Absolute paths of the corpus's images that match `only`."""
    rows = (json.loads(line) for line in open(corpus / "MANIFEST.jsonl", encoding="utf-8") if line.strip())
    files = [corpus / row["file"] for row in rows if row.get("type") == "ocr_image"]
    return [str(file.resolve()) for file in files if fnmatch.fnmatch(file.name, only)]


def measure(command, paths, output):
    """Runs it, its output into a file; returns CPU seconds, wall seconds and peak megabytes of one process."""
    one_thread = dict(os.environ, OMP_NUM_THREADS="1", OMP_THREAD_LIMIT="1", RAYON_NUM_THREADS="1")
    started = time.time()
    with open(output, "w", encoding="utf-8") as out:
        child = subprocess.Popen(shlex.split(command) + paths, stdout=out, env=one_thread)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 3):
        print(f"{command}: exit {child.returncode}", file=sys.stderr)
    return usage.ru_utime + usage.ru_stime, time.time() - started, usage.ru_maxrss / 1024


def score(given, output):
    """Group -> {figure: text}, as score_ocr.py prints them for what lies in `output`."""
    replay = f"sh -c {shlex.quote('cat ' + shlex.quote(str(output)))}"
    command = [sys.executable, str(given.score), "--corpus", str(given.corpus), "--only", given.only, "--run", replay]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    groups = {}
    for line in printed.splitlines():
        found = re.match(r"(.+?)\s+n\s+\d+\s+CER (\S+)\s+wF1 (\S+)\s+TEDS (\S+)\s+failed (\d+)", line)
        if found:
            groups[found[1]] = dict(zip(("CER", "wF1", "TEDS", "failed"), found.groups()[1:]))
    return groups


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--corpus", type=pathlib.Path, default=SHARED / "fixtures")
    arguments.add_argument("--score", type=pathlib.Path, default=SHARED / "tools" / "score_ocr.py")
    arguments.add_argument("--only", default="*")
    arguments.add_argument("--keep")
    arguments.add_argument("engines", nargs="+", metavar="NAME=COMMAND")
    given = arguments.parse_args()
    paths = images(given.corpus, given.only)
    print(f"{len(paths)} images of {given.corpus.name}\n\n{HEAD}\n" + "|---" * (HEAD.count("|") - 1) + "|")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(given.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for engine in given.engines:
            name, command = engine.split("=", 1)
            output = folder / (re.sub(r"\W+", "_", name) + ".jsonl")
            cpu, wall, peak = measure(command, paths, output)
            groups = score(given, output)
            figures = [groups.get(group, {}).get(figure, "-") for group, figure in COLUMNS]
            print(f"| {name} | " + " | ".join(figures) + f" | {cpu:.1f} | {wall:.1f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
