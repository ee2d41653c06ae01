#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Other rules under way, in both guests: every event is judged once, what is blocked stays blocked, probes come and go.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	tests/guest/guest --kernel $kernel --timeout 600 --add build/payload/numbered --add tests/daemon/reload_a.yaml --add tests/daemon/reload_b.yaml \
		-- tests/daemon/reload_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
