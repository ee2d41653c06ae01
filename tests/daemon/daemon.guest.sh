#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon in both guests: scopes, status, memory, ends good and bad, full disks.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	tests/guest/guest --kernel $kernel --timeout 900 --add tests/daemon/vedette.yaml --add tests/daemon/daemon_rules.yaml \
		-- tests/daemon/daemon_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
