#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tables of verdicts are exchanged under fire, and labels must come along with forks, in both guests, fully preemptive: a slice of what
# `make soak` does with SWAPS and FORKS, and in both models: swap.guest.sh [KERNEL [ARGUMENT]]. Then what the kernel side cannot know, and what labels say.
# Long: begins before the others.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in ${1:-6.1 6.12}; do
	append=${2:-preempt=full}
	tests/guest/guest --kernel "$kernel" --parallel --timeout "${SECONDS_EACH:-600}" --append "$append vedette_swaps=${SWAPS:-30} vedette_forks=${FORKS:-1000} vedette_reloads=${RELOADS:-6}" \
		--add "${BUILD:-build/release}/tests/probe_swap" --add build/payload/forks --add build/payload/nonce --add build/payload/receives \
		--add build/payload/descend --add tests/bpf/descend_in_guest.sh --add tests/bpf/swap_rules.yaml --add tests/bpf/receive_rules.yaml --add build/payload/verbs \
		--add build/payload/unknowns --add build/payload/crowd --add tests/bpf/unknown_rules.yaml --add tests/bpf/unknown_in_guest.sh --add tests/bpf/labels_in_guest.sh -- \
		tests/bpf/swap_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel $append: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel $append: the guest ended with $status"; bad=1; }
done
exit $bad
