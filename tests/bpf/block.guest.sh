#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exec verdicts in both guests: by path, through chroot and private bind mount, with the ring full, with the engine stopped; with full preemption.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	for append in "" preempt=full; do
		tests/guest/guest --kernel $kernel --timeout 240 ${append:+--append $append} --add build/payload/nonce --add tests/bpf/block_attempts.sh \
			--add tests/bpf/block_rules.yaml -- tests/bpf/block_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel${append:+ $append}: /"
		status=${PIPESTATUS[0]}
		[ "$status" -eq 0 ] || { echo "not ok - $kernel $append: the guest ended with $status"; bad=1; }
	done
done
exit $bad
