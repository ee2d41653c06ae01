#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# day.sh KERNEL...: a Debian guest boots under the enforcing default policy, does a day's work of which nothing may be blocked, and is attacked. Part of
# `make soak`: several minutes a kernel.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bash tests/day/lay.sh "$work/lay" || exit 1
bad=0
for kernel in "${@:-6.1}"; do
	tests/guest/guest --kernel "$kernel" --root debian --mem 1536 --timeout 1500 --vedette "${VEDETTE:-build/release/vedette}" --lay "$work/lay" \
		--add docs/examples/enforce-default.yaml --add tests/day/blocks.sh --add tests/day/attacks.sh --add tests/day/twins.sh -- tests/day/day_in_guest.sh 2>&1 |
		sed -uE "s/^((not )?ok - )/\1$kernel: /" | tee "$work/out"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || bad=1
	[ "$status" -eq 0 ] || grep -q '^not ok' "$work/out" || echo "not ok - $kernel: the guest ended with $status"
done
exit $bad
