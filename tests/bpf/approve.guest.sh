#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Approval in both guests: what no rule can hold on is dropped in the kernel, and nothing else.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in ${KERNELS:-6.1 6.12}; do
	tests/guest/guest --kernel $kernel --timeout 480 --vedette "${VEDETTE:-build/release/vedette}" --add tests/bpf/approve_rules.yaml -- \
		tests/bpf/approve_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
