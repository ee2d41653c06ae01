#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Public atomic tests, run in a guest: makes the scripts, and tells which rules each of them raised.

atomics.py scripts ATOMICS.json DIR              one folder of scripts a test: NN/{prepare,run,cleanup}, run by sh or bash as it says
atomics.py judge LABEL ATOMICS.json TIMES ALERTS EXPECTED   TAP; EXPECTED "-" prints the table instead
TIMES: number, begin and end of each test in seconds since boot. A rule counts for a test when its alert lies in between; what the
empty test 00 raises does not count. EXPECTED: technique and number, rules that it has to raise, separated by "; " ("-": none), why not; tabs in between.
"""
import json
import os
import sys


def key(test):
    return f"{test['technique']}-{test['test_number']}"


def write_script(folder, name, shell, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(f"#!/bin/{shell}\n{text or ''}\n")
    os.chmod(path, 0o755)


def scripts(tests, folder):
    for number, test in enumerate([{"executor": "sh", "command": "", "dependencies": []}] + tests):
        inner = os.path.join(folder, f"{number:02}")
        os.makedirs(inner)
        shell = test["executor"]
        prepare = "\n".join(d.get("get_prereq_command") or "" for d in test["dependencies"])
        write_script(inner, "prepare", shell, prepare)
        write_script(inner, "run", shell, test["command"])
        write_script(inner, "cleanup", shell, test.get("cleanup_command"))


def raised_by(times, alerts):
    spans = [tuple(float(x) for x in line.split()) for line in open(times)]
    raised = {int(n): set() for n, _, _ in spans}
    for line in open(alerts):
        record = json.loads(line)
        if "rule" not in record or record["event"]["kind"] != "alert":
            continue
        at = record["vedette"]["clock"]["boot_ns"] / 1e9
        for number, begin, end in spans:
            if begin <= at <= end:
                raised[int(number)].add(record["rule"].get("name") or record["rule"]["id"])
    empty = raised.pop(0)
    return {number: rules - empty for number, rules in raised.items()}


def judge(label, tests, times, alerts, expected_path):
    raised = raised_by(times, alerts)
    if expected_path == "-":
        for number, test in enumerate(tests, 1):
            print(key(test), "; ".join(sorted(raised.get(number, ()))) or "-", test["name"], sep="\t")
        return 0
    expected = {}
    for line in open(expected_path):
        if not line.startswith("#"):
            name, rules, *_ = line.rstrip("\n").split("\t")
            expected[name] = set() if rules == "-" else set(rules.split("; "))
    bad = 0
    for number, test in enumerate(tests, 1):
        want, got = expected.get(key(test)), raised.get(number)
        if want is not None and got is not None and want <= got:
            print(f"ok - {label}: {key(test)}: {'; '.join(sorted(got)) or 'nothing, as is known'}")
            if got - want:
                print(f"# {label}: {key(test)} raised more than is written down: {sorted(got - want)}")
            continue
        bad = 1
        print(f"not ok - {label}: {key(test)}: expected {sorted(want) if want is not None else 'nothing known'}, raised {sorted(got) if got is not None else 'not run'}")
    return bad


def main():
    if sys.argv[1] == "scripts":
        scripts(json.load(open(sys.argv[2])), sys.argv[3])
        return 0
    label, atomics, times, alerts, expected = sys.argv[2:]
    return judge(label, json.load(open(atomics)), times, alerts, expected)


sys.exit(main())
