#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Chosen environment variables in both guests: none can be hidden behind long or many others, and none forged within another.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	tests/guest/guest --kernel $kernel --timeout 240 --vedette "${VEDETTE:-build/release/vedette}" --add tests/bpf/events_rules.yaml -- \
		tests/bpf/environment_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
