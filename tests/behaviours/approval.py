#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two daemons saw the same acts, one with approval and one without: did they raise the same alerts? As TAP.

usage: approval.py LABEL FOLDER
FOLDER: alerts.jsonl and status.json of the daemon with approval, all.jsonl and all-status.json of the one without. An alert is the same when rule,
event, process and what it was done to are. What the daemons themselves did or suffered does not count: they were not started at once. Of rules
with a throttle only what was raised at all is compared, for a window may begin with another event.
"""
import collections
import json
import os
import sys


def value(record, *names):
    for name in names:
        record = record.get(name, {}) if isinstance(record, dict) else {}
    return record if record != {} else None


def is_own(record):
    names = [value(record, "process", "name"), value(record, "vedette", "target", "name"), value(record, "process", "parent", "name")]
    return "vedette" in names or os.path.basename(value(record, "process", "executable") or "") == "vedette"


def read(path):
    alerts, throttled = collections.Counter(), set()
    for line in open(path):
        r = json.loads(line)
        if value(r, "vedette", "loss", "what") == "suppress" or value(r, "vedette", "what") == "suppress":
            throttled.add(value(r, "rule", "id"))
        if value(r, "event", "kind") != "alert" or "rule" not in r or is_own(r):
            continue
        subject = [value(r, *names) for names in (("event", "action"), ("process", "pid"), ("process", "executable"), ("file", "path"),
                                                  ("vedette", "new_path"), ("destination", "ip"), ("destination", "port"))]
        alerts[json.dumps([r["rule"]["id"]] + subject)] += 1
    return alerts, throttled


def events(path):
    return json.load(open(path))["events"]


def main():
    label, folder = sys.argv[1:]
    bad = False

    def say(is_fine, text):
        nonlocal bad
        bad |= not is_fine
        print(f"{'ok' if is_fine else 'not ok'} - {label}: {text}")

    (some, s1), (every, s2) = read(f"{folder}/alerts.jsonl"), read(f"{folder}/all.jsonl")
    for counter in (some, every):
        for key in counter:
            if json.loads(key)[0] in s1 | s2:
                counter[key] = 1
    rules = {json.loads(key)[0] for key in every}
    say(len(every) > 0 and some == every, f"the same {sum(every.values())} alerts of {len(rules)} rules with approval and without")
    for what, diff in (("only with approval", some - every), ("only without", every - some)):
        for key, n in list(diff.items())[:20]:
            print(f"# {what}: {n} x {key}")
    before, after = events(f"{folder}/all-status.json"), events(f"{folder}/status.json")
    say(all(e.get("filtered", 0) == 0 for e in before.values()), "nothing was dropped without approval")
    if not any(e.get("filtered", 0) for e in after.values()):
        print(f"# {label}: nothing was dropped with approval either: these rules may hold on all of it")
    for name, e in sorted(after.items()):
        total = e.get("produced", 0) + e.get("filtered", 0)
        if e.get("filtered", 0):
            print(f"# {label}: {name}: {e['filtered']} of {total} dropped, {100 * e['filtered'] / total:.1f} %")
    sys.exit(bad)


main()
