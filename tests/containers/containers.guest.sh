#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Both guests: containers of runc, crun and Podman, and what is known of them when their first program starts.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in ${KERNELS:-6.1 6.12}; do
	tests/guest/guest --kernel "$kernel" --root debian --timeout 550 --vedette "${VEDETTE:-build/release/vedette}" \
		--add tests/containers/containers_rules.yaml -- tests/containers/containers_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
