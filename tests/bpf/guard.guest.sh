#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What root tries against a daemon that enforces, in both guests: refused and told, the same acts on others not, the ways out.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	tests/guest/guest --kernel $kernel --timeout 400 --add build/payload/nonce --add build/payload/tamper --add build/payload/tamper_more \
		--add tests/bpf/block_rules.yaml -- tests/bpf/guard_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
