#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Table and gates of make bench-kernel. usage: table.py ROWS JSON; a row: KERNEL OPERATION CASE INSTRUCTIONS"""
import json
import sys

# case, the operation it is measured by and in which mode; how much more than with no program it is to cost at most (instructions, or a share), and
# where that is not reached yet, what it must not pass over meanwhile
CASES = {
    "open": [("filtered", "open", "filtered", 400), ("guarded", "open", "guarded", 400, 420), ("decide", "open_new", "decide", 5500),
             ("decide_cached", "open", "decide", 900, 1250), ("event", "open", "event", 2500)],
    "connect": [("filtered", "connect", "filtered", None), ("guarded", "connect", "guarded", None), ("decide", "connect", "decide", 1500, 2400),
                ("event", "connect", "event", None)],
    "exec": [("filtered", "exec", "filtered", None), ("guarded", "exec", "guarded", None), ("decide", "exec", "decide", 0.05, 0.056),
             ("event", "exec", "event", None)],
}


def read(path):
    cost = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            kernel, operation, case, n = line.split()
            cost[kernel, operation, case] = int(n)
    return cost


def is_over(more, base, limit):
    return limit is not None and more > (limit * base if limit < 1 else limit)


def text(limit):
    return "" if limit is None else f"{limit:.1%}" if limit < 1 else f"{limit:+}"


def main():
    cost, rows, bad = read(sys.argv[1]), [], []
    print(f"{'kernel':7} {'operation':9} {'case':13} {'instructions':>12} {'more':>8} {'share':>8} {'at most':>8}")
    for kernel in ("6.1", "6.12"):
        for operation, cases in CASES.items():
            none = cost[kernel, operation, "none"]
            print(f"{kernel:7} {operation:9} {'none':13} {none:12}")
            for name, by, mode, goal, *meanwhile in cases:
                limit = meanwhile[0] if meanwhile else goal
                base, n = cost[kernel, by, "none"], cost[kernel, by, mode]
                more = n - base
                asked = text(goal)
                print(f"{kernel:7} {operation:9} {name:13} {n:12} {more:+8} {more / base:8.1%} {asked:>8}{'  not reached' if is_over(more, base, goal) else ''}")
                rows.append({"kernel": kernel, "operation": operation, "case": name, "instructions": n, "more": more})
                if is_over(more, base, limit):
                    bad.append(f"{kernel} {operation} {name}: {more:+} instructions, at most {text(limit)}")
            rows.append({"kernel": kernel, "operation": operation, "case": "none", "instructions": none, "more": 0})
    with open(sys.argv[2], "w", encoding="ascii") as f:
        json.dump(rows, f, indent=1)
    print("written:", sys.argv[2])
    for b in bad:
        print("over the limit:", b)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
