#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench-kernel: instructions per open, connect and exec in guests that count them (QEMU icount: one instruction is one virtual
# nanosecond), as a table and as build/bench/kernel.json. Fails when a gate is passed over.
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/bench
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for kernel in 6.1 6.12; do
	echo "bench-kernel: $kernel (2 to 3 minutes)" >&2
	tests/guest/guest --kernel "$kernel" --icount --timeout 900 --add build/payload/bench_ops --add benchmarks/kernel/rules.yaml --add benchmarks/kernel/guard.yaml \
		-- benchmarks/kernel/guest.sh > build/bench/kernel-$kernel.log 2>&1 || { tail -n 20 build/bench/kernel-$kernel.log; echo "bench-kernel: the $kernel guest failed"; exit 1; }
	sed -nE "s/^@ ([a-z]+) ([a-z]+) ([0-9]+)\r?$/$kernel \2 \1 \3/p" build/bench/kernel-$kernel.log >> "$rows"
done
/usr/bin/python3 - "$rows" <<'P'
import json, sys
limits = {("filtered", "open"): 400, ("guarded", "open"): 400, ("event", "open"): 2500}
cost, rows, bad = {}, [], []
for line in open(sys.argv[1]):
    kernel, op, case, n = line.split()
    cost[kernel, op, case] = int(n)
    rows.append({"kernel": kernel, "operation": op, "case": case, "instructions": int(n)})
print(f"{'kernel':7} {'operation':9} {'none':>9} {'filtered':>17} {'event':>17} {'guarded':>17}")
for kernel in ("6.1", "6.12"):
    for op in ("open", "connect", "exec"):
        none, f, e, g = (cost[kernel, op, c] for c in ("none", "filtered", "event", "guarded"))
        print(f"{kernel:7} {op:9} {none:9} {f:9} ({f-none:+6}) {e:9} ({e-none:+6}) {g:9} ({g-none:+6})")
        for case, n in (("filtered", f), ("event", e), ("guarded", g)):
            if n - none > limits.get((case, op), 10**9):
                bad.append(f"{kernel} {op} {case}: {n-none:+} instructions, at most +{limits[case, op]}")
json.dump(rows, open("build/bench/kernel.json", "w"), indent=1)
print("written: build/bench/kernel.json")
for b in bad:
    print("over the limit:", b)
sys.exit(bool(bad))
P
