#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench-workload: what a compile and a churn of files cost, in guests that count instructions, with no daemon, detecting and enforcing; as a table
# and as build/bench/workload.json. KERNELS="6.1" takes one kernel.
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/bench
rows=$(mktemp) rules=$(mktemp -d)
trap 'rm -rf "$rows" "$rules"' EXIT
/usr/bin/python3 benchmarks/kernel/block_rules.py 1000 /opt > "$rules/block.yaml" || exit 1
for kernel in ${KERNELS:-6.1 6.12}; do
	echo "bench-workload: $kernel (about 10 minutes)" >&2
	tests/guest/guest --kernel "$kernel" --root debian --icount --timeout 2400 --add build/payload/workload --add "$rules/block.yaml" \
		-- benchmarks/kernel/workload_guest.sh > build/bench/workload-$kernel.log 2>&1 ||
		{ tail -n 20 build/bench/workload-$kernel.log; echo "bench-workload: the $kernel guest failed"; exit 1; }
	sed -nE "s/^@ ([a-z]+) ([a-z]+) ([0-9]+)\r?$/$kernel \2 \1 \3/p" build/bench/workload-$kernel.log >> "$rows"
done
/usr/bin/python3 - "$rows" <<'P'
import json, sys
most = {("compile", "detect"): 3, ("compile", "enforce"): 5, ("churn", "detect"): 10, ("churn", "enforce"): 25}
cost, rows, bad = {}, [], []
for line in open(sys.argv[1]):
    kernel, work, case, n = line.split()
    cost[kernel, work, case] = int(n)
print(f"{'kernel':7} {'work':8} {'case':8} {'million':>9} {'more':>7} {'at most':>8}")
for (kernel, work, case), n in cost.items():
    more = 100 * n / cost[kernel, work, "off"] - 100
    asked = most.get((work, case))
    print(f"{kernel:7} {work:8} {case:8} {n / 1e6:9.1f} {more:+6.1f}% {'' if asked is None else f'{asked:+}%':>8}")
    rows.append({"kernel": kernel, "work": work, "case": case, "instructions": n, "more_percent": round(more, 2)})
    if asked is not None and more > asked:
        bad.append(f"{kernel} {work} {case}: {more:+.1f} %, at most {asked:+} %")
json.dump(rows, open("build/bench/workload.json", "w"), indent=1)
print("written: build/bench/workload.json")
for b in bad:
    print("over the limit:", b)
sys.exit(bool(bad))
P
