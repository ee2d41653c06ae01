#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Both guests, both sensor modes: calls that are refused before a hook is asked are events all the same, each once.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
for kernel in 6.1 6.12; do
	timeout 300 tests/guest/guest --kernel $kernel --timeout 240 --vedette "${VEDETTE:-build/release/vedette}" --add tests/bpf/refused_rules.yaml \
		--add build/payload/refused --get /tmp/out --out "$work/$kernel" -- tests/bpf/refused_in_guest.sh ||
		{ echo "not ok - $kernel: the guest ended badly"; bad=1; }
	for mode in lsm tracepoint; do
		python3 tests/bpf/refused.py "$kernel $mode" "$work/$kernel/tmp/out/$mode.jsonl" || bad=1
	done
done
exit $bad
