#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what was recorded of flood.c: no record mixed from two, and every record delivered or counted as lost.

usage: flood.py LABEL EVENTS WORKERS STATUS some|any       some: losses must have happened
"""
import json
import sys
from collections import Counter

from expect import flatten, read_lines

# the worker's own start and end, and the change of its name
ONLY_WORKERS = "file.chmod"


def verdict(label, what, problems):
    print("%s - %s: %s" % ("not ok" if problems else "ok", label, what))
    for problem in problems[:10]:
        print("#   " + problem)
    return not problems


def mixed_records(events, workers):
    by_pid = {w["pid"]: w for w in workers}
    counts, problems = Counter(), []
    for event in events:
        worker = by_pid.get(event.get("process.pid"))
        action = event.get("event.action")
        if worker is None or event.get("process.name") != worker["name"] or action not in ("file.open", "file.chmod"):
            continue
        path = event.get("file.path")
        fs_path = event.get("vedette.file.fs_path") or ""
        if action == "file.open" and path and path.startswith("/proc/"):
            continue
        counts[action] += 1
        if path != worker["path"] or not worker["path"].endswith(fs_path) or not fs_path:
            problems.append("%s by %s shows %s, %s" % (action, worker["name"], str(path)[:80], fs_path[:80]))
    return counts, problems


def accounting(status, logged, workers):
    problems, lost = [], 0
    for action, n in status["events"].items():
        gone = n["lost_ring"] + n["lost_scratch"]
        lost += gone
        if n["produced"] != n["delivered"] + gone:
            problems.append("%s: produced %d, delivered %d, lost %d" % (action, n["produced"], n["delivered"], gone))
        if action in logged and logged[action] != n["delivered"]:
            problems.append("%s: delivered %d, in the log %d" % (action, n["delivered"], logged[action]))
    # made by the workers: each round one, and one when the file was made
    made = sum(w["rounds"] + 1 for w in workers)
    if status["events"][ONLY_WORKERS]["produced"] != made:
        problems.append("%s: done %d times, produced %d" % (ONLY_WORKERS, made, status["events"][ONLY_WORKERS]["produced"]))
    return lost, problems


def repeated_sequences(events):
    seen = Counter((e.get("vedette.kernel.cpu"), e["vedette.kernel.sequence"]) for e in events if "vedette.kernel.sequence" in e)
    return ["cpu %s sequence %s: %d records" % (cpu, number, n) for (cpu, number), n in seen.items() if n > 1]


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    label, events_path, workers_path, status_path, losses = sys.argv[1:]
    events = [flatten(e) for e in read_lines(events_path)]
    workers = read_lines(workers_path)
    with open(status_path, encoding="utf-8") as text:
        status = json.load(text)
    counts, mixed = mixed_records(events, workers)
    if not workers or not counts["file.open"] or not counts["file.chmod"]:
        mixed.append("no events of the workers: nothing was tested")
    logged = Counter(e["event.action"] for e in events if e.get("event.dataset") == "vedette.event")
    lost, uncounted = accounting(status, logged, workers)
    good = verdict(label, "%d records of %d workers, none mixed" % (sum(counts.values()), len(workers)), mixed)
    good &= verdict(label, "produced = delivered + lost, %d lost" % lost, uncounted)
    good &= verdict(label, "no record twice", repeated_sequences(events))
    if losses == "some":
        good &= verdict(label, "the small ring did lose records", [] if lost else ["none was lost: not a test of losing"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
