#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: an #include may point to its own folder or to one further up the road, never downstream.
set -u
cd "$(dirname "$0")/../.." || exit 1
rank() {
	case $1 in
	schemas/* | engine/base/*) echo 0 ;;
	alerts/syslog-ng/*) echo 6 ;; # goes into another program, as the daemon is one
	bpf/abi.h | bpf/policy_abi.h | bpf/guard_abi.h | bpf/decision_abi.h | bpf/syscalls.def) echo 1 ;;
	engine/config/* | engine/event/*) echo 2 ;;
	engine/probe/* | engine/enrich/*) echo 3 ;;
	engine/rules/*) echo 4 ;;
	engine/enforce/* | engine/import/* | engine/index/* | engine/state/* | engine/tape/* | alerts/*) echo 5 ;;
	engine/daemon/*) echo 6 ;;
	*) echo none ;;
	esac
}
bad=0 n=0
while IFS=: read -r file line text; do
	to=$(sed -nE 's/^#include "([^"]+)".*/\1/p' <<< "$text")
	[ "$to" = vedette.skel.h ] && continue
	from_rank=$(rank "$file") to_rank=$(rank "$to")
	n=$((n + 1))
	# engine/event/table.c and value.c expand the rows of schemas/; the json form of values needs engine/base only
	if [ "$to_rank" = none ]; then
		echo "not ok - $file:$line includes \"$to\", which no layer has"
		bad=1
	elif [ "$from_rank" -lt "$to_rank" ]; then
		echo "not ok - $file:$line (layer $from_rank) includes \"$to\" (layer $to_rank), which lies downstream"
		bad=1
	elif [ "$from_rank" -eq "$to_rank" ] && [ "${file%/*}" != "${to%/*}" ] && [ "$from_rank" -gt 2 ]; then
		echo "not ok - $file:$line includes its neighbour \"$to\""
		bad=1
	fi
done < <(grep -nE '^#include "' -r engine alerts --include='*.[ch]' | sort)
for h in $(find engine alerts -name '*.h' | sort); do
	grep -q '^#pragma once' "$h" || { echo "not ok - $h has no #pragma once"; bad=1; }
done
[ $n -gt 50 ] || { echo "not ok - only $n includes were found"; bad=1; }
[ $bad -eq 0 ] && echo "ok - $n includes point upstream"
exit $bad
