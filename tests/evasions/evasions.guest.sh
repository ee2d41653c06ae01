#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# All rows of rows.tsv in both guests, forbidden and permitted. KERNELS, LOADS (idle busy reload stopped full) and ROWS choose.
# Long: begins before the others.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
echo "${LOADS:-idle stopped}" > "$work/loads"
grep -E "${ROWS:-.}" tests/evasions/rows.tsv > "$work/rows.tsv"
for kernel in ${KERNELS:-6.1 6.12}; do
	truncate -s 8M "$work/disk" "$work/fat"
	mke2fs -q -F -t ext4 -O ^has_journal "$work/disk" || { echo "not ok - a disk is made"; exit 1; }
	tests/guest/guest --kernel "$kernel" --timeout 1200 ${VEDETTE:+--vedette "$VEDETTE"} --module sctp --module udp_tunnel --module ip6_udp_tunnel --module libcrc32c \
		--module binfmt_misc --module ib_core --module smc --module nls_cp437 --module nls_ascii --module fat --module vfat --disk fat="$work/fat" --disk evasions="$work/disk" --add build/payload/evade --add build/payload/nonce --add "$work/rows.tsv" --add "$work/loads" --add tests/evasions/evasions_rules.yaml -- tests/evasions/evasions_in_guest.sh 2>&1 |
		sed -uE "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; }
done
exit $bad
