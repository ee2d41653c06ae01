#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every target for SECONDS_EACH seconds (libFuzzer; `make fuzz` builds the targets first). Starts from the checked-in
# corpus, keeps what it finds in build/fuzz/corpus, and stops with status 1 when a target fails: the input is then in
# build/fuzz/crash/. Copy it into tests/fuzz/corpus/<target>/ together with the fix. 0 seconds: each takes the checked-in corpus, once.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-60} failed=0
[[ $seconds =~ ^[0-9]+$ ]] || { echo "usage: $0 SECONDS_EACH" >&2; exit 2; }
mkdir -p build/fuzz/crash
n=0
for target in build/fuzz/tests/fuzz_*; do
	case $target in *.d | *.o) continue ;; esac
	[ -x "$target" ] || continue
	name=${target##*/fuzz_}
	n=$((n + 1))
	if [ "$seconds" -eq 0 ]; then
		how=(-runs=0)
	else
		mkdir -p "build/fuzz/corpus/$name"
		how=(-max_total_time="$seconds" "build/fuzz/corpus/$name")
	fi
	if "$target" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/crash/$name-" "${how[@]}" "tests/fuzz/corpus/$name" > "build/fuzz/$name.log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log")
		echo "ok - fuzz $name: ${runs:-?} runs in $seconds s"
	else
		failed=1
		echo "not ok - fuzz $name: see build/fuzz/$name.log"
		tail -n 20 "build/fuzz/$name.log"
	fi
done
[ $n -gt 0 ] || { echo "not ok - fuzz: no target is built"; exit 1; }
exit $failed
