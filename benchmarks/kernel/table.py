#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Table and gates of make bench-kernel. usage: table.py ROWS JSON; a row: KERNEL OPERATION CASE INSTRUCTIONS"""
import json
import sys

# case, the operation it is measured by, and how much more than with no program it may cost: instructions, or a share
CASES = {
    "open": [("filtered", "open", "filtered", 400), ("guarded", "open", "guarded", 400), ("decide", "open_new", "decide", 5500),
             ("decide_cached", "open", "decide", 900), ("event", "open", "event", 2500)],
    "connect": [("filtered", "connect", "filtered", None), ("guarded", "connect", "guarded", None), ("decide", "connect", "decide", 1500),
                ("event", "connect", "event", None)],
    "exec": [("filtered", "exec", "filtered", None), ("guarded", "exec", "guarded", None), ("decide", "exec", "decide", 0.05),
             ("event", "exec", "event", None)],
}


def read(path):
    cost = {}
    with open(path, encoding="ascii") as f:
        for line in f:
            kernel, operation, case, n = line.split()
            cost[kernel, operation, case] = int(n)
    return cost


def main():
    cost, rows, bad = read(sys.argv[1]), [], []
    print(f"{'kernel':7} {'operation':9} {'case':13} {'instructions':>12} {'more':>8} {'share':>8} {'at most':>8}")
    for kernel in ("6.1", "6.12"):
        for operation, cases in CASES.items():
            none = cost[kernel, operation, "none"]
            print(f"{kernel:7} {operation:9} {'none':13} {none:12}")
            for name, by, mode, limit in cases:
                base, n = cost[kernel, by, "none"], cost[kernel, by, mode]
                more = n - base
                is_over = limit is not None and more > (limit * base if limit < 1 else limit)
                asked = "" if limit is None else f"{limit:.0%}" if limit < 1 else f"{limit:+}"
                print(f"{kernel:7} {operation:9} {name:13} {n:12} {more:+8} {more / base:8.1%} {asked:>8}")
                rows.append({"kernel": kernel, "operation": operation, "case": name, "instructions": n, "more": more})
                if is_over:
                    bad.append(f"{kernel} {operation} {name}: {more:+} instructions, at most {asked}")
            rows.append({"kernel": kernel, "operation": operation, "case": "none", "instructions": none, "more": 0})
    with open(sys.argv[2], "w", encoding="ascii") as f:
        json.dump(rows, f, indent=1)
    print("written:", sys.argv[2])
    for b in bad:
        print("over the limit:", b)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
