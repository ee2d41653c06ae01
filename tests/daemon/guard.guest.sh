#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A daemon that protects itself below a real service manager, in a Debian guest of either kernel.
# Long: begins before the others.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	tests/guest/guest --kernel $kernel --root debian --smp 1 --timeout 700 --add tests/bpf/block_rules.yaml \
		--add docs/examples/allow.yaml -- tests/daemon/guard_in_guest.sh 2>&1 |
		sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
