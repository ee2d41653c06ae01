#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every verb that can be blocked, forbidden and permitted, by system calls, 32-bit calls and io_uring, in both guests; and rules that kill.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	tests/guest/guest --kernel $kernel --parallel --timeout 400 --add build/payload/verbs --add tests/bpf/verdicts_rules.yaml --add build/payload/nonce \
		--add tests/bpf/kill_rules.yaml --add tests/bpf/kill_in_guest.sh --add tests/bpf/images_in_guest.sh --add tests/bpf/cgroup_names.txt \
		--add tests/bpf/cgroup_names_in_guest.sh -- tests/bpf/verdicts_in_guest.sh 2>&1 |
		sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
