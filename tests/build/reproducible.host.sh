#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two checkouts in two folders give the same bytes.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for d in one a-longer-name/two; do
	mkdir -p "$work/$d"
	git ls-files -z | xargs -0 cp --parents -t "$work/$d"
	make -s -C "$work/$d" -j2 all > "$work/log" 2>&1 || { tail -n 5 "$work/log"; echo "not ok - builds in another folder"; exit 1; }
done
if cmp "$work/one/build/release/vedette" "$work/a-longer-name/two/build/release/vedette"; then
	echo "ok - two checkouts give the same bytes"
else
	echo "not ok - two checkouts give the same bytes"
	exit 1
fi
