#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the counters of a final status: produced = delivered + lost, for every event. usage: counts.py LABEL STATUS"""
import json
import sys


def main():
    label = sys.argv[1]
    with open(sys.argv[2], encoding="utf-8") as text:
        events = json.load(text)["events"]
    wrong = [name for name, n in events.items() if n["produced"] != n["delivered"] + n["lost_ring"] + n["lost_scratch"]]
    lost = [name for name, n in events.items() if n["lost_ring"] + n["lost_scratch"]]
    print("%s - %s: produced = delivered + lost for %d events%s" % ("not ok" if wrong or not events else "ok", label, len(events), "".join(" " + n for n in wrong)))
    print("%s - %s: nothing was lost%s" % ("not ok" if lost else "ok", label, "".join(" " + n for n in lost)))


if __name__ == "__main__":
    main()
