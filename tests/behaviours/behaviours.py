#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which rules did each act raise? Compares an alert log with what is expected, line by line, as TAP.

usage: behaviours.py LABEL ACTS ALERTS EXPECTED BEHAVIOURS
ACTS: output of `behave --list`; BEHAVIOURS: the acts in words, with their rules; EXPECTED "-": prints the table instead.
EXPECTED: act, rules in any order separated by "; " (none: "-"), and why where the rule that is meant does not fire; tabs in between.
What the empty act of the same place raises is not counted, nor are rules that are off by default in acts that are not about them.
"""
import json
import re
import sys


def read_acts(path):
    acts = {}
    for line in open(path):
        number, where, name = line.split()
        acts[f"/docker/{int(number):064x}" if where == "c" else f"/acts/{number}"] = name
    return acts


def read_alerts(path, acts):
    raised = {name: set() for name in acts.values()}
    for line in open(path):
        record = json.loads(line)
        cgroup = record.get("vedette", {}).get("cgroup", {}).get("path", "")
        place = re.match(r"/(docker/[0-9a-f]{64}|acts/\d+)$", cgroup)
        if "rule" in record and place:
            raised[acts[place.group(0)]].add(record["rule"].get("name") or record["rule"]["id"])
    for name in list(raised):
        empty = "NothingInContainer" if any(n == name and p.startswith("/docker") for p, n in acts.items()) else "Nothing"
        if name != empty:
            raised[name] -= raised[empty]
    return raised


def drop_optional(raised, behaviours):
    optional = {b["rule"] for b in behaviours if not b["rule_enabled"]}
    for b in behaviours:
        act = b["action"].split(".")[1]
        raised[act] -= optional - {b["rule"]}


def read_expected(path):
    expected = {}
    for line in open(path):
        if not line.startswith("#"):
            act, rules, *why = line.rstrip("\n").split("\t")
            expected[act] = set() if rules == "-" else set(rules.split("; "))
    return expected


def main():
    label, acts_path, alerts, expected_path, behaviours = sys.argv[1:]
    raised = read_alerts(alerts, read_acts(acts_path))
    drop_optional(raised, json.load(open(behaviours)))
    if expected_path == "-":
        for act, rules in raised.items():
            print(act, "; ".join(sorted(rules)) or "-", sep="\t")
        return 0
    expected = read_expected(expected_path)
    bad = 0
    for act in sorted(expected.keys() | raised.keys()):
        want, got = expected.get(act), raised.get(act)
        if want == got:
            print(f"ok - {label}: {act}: {'; '.join(sorted(got)) or 'nothing'}")
            continue
        bad = 1
        print(f"not ok - {label}: {act}: expected {sorted(want) if want is not None else 'no such act'}, raised {sorted(got) if got is not None else 'not run'}")
    return bad


sys.exit(main())
