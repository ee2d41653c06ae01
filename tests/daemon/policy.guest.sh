#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Policies under enforcement, in both guests: what blocks while it is on trial, what takes it back, what never does, what is refused.
# Long: begins before the others.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	for script in policy policy_ends; do
		tests/guest/guest --kernel $kernel --smp 1 --timeout 900 --add build/payload/numbered --add tests/daemon/policy_rules.yaml --add tests/daemon/policy_helpers.sh \
			-- tests/daemon/${script}_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
		status=${PIPESTATUS[0]}
		[ "$status" -eq 0 ] || { echo "not ok - $kernel: $script: the guest ended with $status"; bad=1; }
	done
done
exit $bad
