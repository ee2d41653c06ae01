#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every event of lsm mode in both guests: each raised by a real operation, with the fields that the operation had; then a flood on a
# kernel that preempts fully, without a mixed record and with every loss counted.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
# guest KERNEL APPEND PAYLOAD...: what it recorded is left in $out
guest() {
	local kernel=$1 append=$2 add=() p
	shift 2
	for p in "$@"; do add+=(--add "build/payload/$p"); done
	out=$work/$kernel$append
	tests/guest/guest --kernel "$kernel" --timeout 280 --vedette "$VEDETTE" ${append:+--append "$append"} "${add[@]}" --add tests/bpf/events_rules.yaml \
		--get /tmp/out --out "$out" -- tests/bpf/events_in_guest.sh || { echo "not ok - $kernel $append: the guest ended badly"; bad=1; }
	out=$out/tmp/out
}
for kernel in 6.1 6.12; do
	guest $kernel "" files sockets powers ways
	for p in files sockets powers ways; do
		python3 tests/bpf/expect.py "$kernel $p" "$out/$p.events" "$out/$p.expected" || bad=1
		# nothing of this may be lost: it is far below what the rings hold
		python3 -c 'import json,sys; sys.exit(any(n["produced"] != n["delivered"] for n in json.load(open(sys.argv[1]))["events"].values()))' \
			"$out/$p.status" && echo "ok - $kernel $p: nothing lost" || { echo "not ok - $kernel $p: records were lost"; bad=1; }
	done
	guest $kernel preempt=full flood
	grep -q '"preemption":"full"' "$out/flood.status" && echo "ok - $kernel flood: the kernel preempts fully" ||
		{ echo "not ok - $kernel flood: the kernel does not preempt fully"; bad=1; }
	python3 tests/bpf/flood.py "$kernel flood" "$out/flood.events" "$out/flood.expected" "$out/flood.status" any || bad=1
	python3 tests/bpf/flood.py "$kernel flood, small ring" "$out/flood-small.events" "$out/flood-small.expected" "$out/flood-small.status" some || bad=1
done
exit $bad
