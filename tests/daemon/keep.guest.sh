#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Verdicts without the daemon, in both guests: it is killed, stopped, starts again; and what is left is released.
# Long: begins before the others.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for kernel in 6.1 6.12; do
	tests/guest/guest --kernel $kernel --timeout 1800 --add build/payload/persist --add build/payload/nonce --add build/payload/ids --add build/payload/numbered \
		--add tests/daemon/independence_rules.yaml --add tests/daemon/independence_common.sh -- tests/daemon/keep_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
