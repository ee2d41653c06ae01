#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares recorded events with what the programs of this folder say they must be.

usage: expect.py LABEL EVENTS EXPECTATIONS

Every expectation is met by exactly as many events as there are equal expectations ("_times": N asks for N instead); an
event meets it when all the fields it names are equal. null: the field must be missing. One TAP line for each event type.
"""
import json
import sys
from collections import Counter, defaultdict


def flatten(value, prefix="", into=None):
    into = {} if into is None else into
    for name, inner in value.items():
        if isinstance(inner, dict):
            flatten(inner, prefix + name + ".", into)
        else:
            into[prefix + name] = inner
    return into


def action_of(event):
    return event.get("event.action")


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def differences(wanted, event):
    return {k: (v, event.get(k)) for k, v in wanted.items() if event.get(k) != v}


def show(value):
    text = json.dumps(value)
    return text if len(text) < 200 else text[:120] + "... (%d bytes)" % len(text)


def explain(wanted, candidates):
    yield "wanted " + show(wanted)
    near = sorted(candidates, key=lambda e: len(differences(wanted, e)))[:2]
    for event in near:
        for name, (want, got) in differences(wanted, event).items():
            yield "  near: %s wanted %s got %s" % (name, show(want), show(got))
    if not near:
        yield "  no event of this type by this process"


def check(label, events, expectations):
    by_key = defaultdict(list)
    for event in events:
        by_key[(action_of(event), event.get("process.pid"))].append(event)
    repeated = Counter(json.dumps(e, sort_keys=True) for e in expectations)
    met, failed = Counter(), defaultdict(list)
    for text, count in repeated.items():
        wanted = json.loads(text)
        times = wanted.pop("_times", count)
        action = wanted["event.action"]
        candidates = by_key[(action, wanted.get("process.pid"))]
        found = sum(1 for event in candidates if not differences(wanted, event))
        if found == times:
            met[action] += count
            continue
        failed[action].append("%d events instead of %d" % (found, times))
        failed[action].extend(explain(wanted, candidates))
    for action in sorted(set(met) | set(failed)):
        if action in failed:
            print("not ok - %s: %s as it was done" % (label, action))
            for line in failed[action]:
                print("#   " + line)
        else:
            print("ok - %s: %s as it was done (%d times)" % (label, action, met[action]))
    return not failed


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    label, events_path, expectations_path = sys.argv[1:]
    events = [flatten(e) for e in read_lines(events_path)]
    expectations = read_lines(expectations_path)
    if not expectations:
        print("not ok - %s: nothing was expected" % label)
        return 1
    return 0 if check(label, events, expectations) else 1


if __name__ == "__main__":
    sys.exit(main())
