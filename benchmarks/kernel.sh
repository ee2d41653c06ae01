#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench-kernel: instructions per open, connect and exec in guests that count them (QEMU icount: one instruction is one virtual
# nanosecond), as a table and as build/bench/kernel.json. Fails when a gate is passed over.
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p build/bench
rows=$(mktemp) rules=$(mktemp -d)
trap 'rm -rf "$rows" "$rules"' EXIT
/usr/bin/python3 benchmarks/kernel/block_rules.py 1000 > "$rules/block.yaml" || exit 1
for kernel in 6.1 6.12; do
	echo "bench-kernel: $kernel (2 to 3 minutes)" >&2
	tests/guest/guest --kernel "$kernel" --icount --timeout 900 --add build/payload/bench_ops --add benchmarks/kernel/rules.yaml --add benchmarks/kernel/guard.yaml \
		--add "$rules/block.yaml" -- benchmarks/kernel/guest.sh > build/bench/kernel-$kernel.log 2>&1 ||
		{ tail -n 20 build/bench/kernel-$kernel.log; echo "bench-kernel: the $kernel guest failed"; exit 1; }
	sed -nE "s/^@ ([a-z]+) ([a-z_]+) ([0-9]+)\r?$/$kernel \2 \1 \3/p" build/bench/kernel-$kernel.log >> "$rows"
done
/usr/bin/python3 benchmarks/kernel/table.py "$rows" build/bench/kernel.json
