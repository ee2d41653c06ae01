#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the engine spends on an event, in instructions of callgrind, against benchmarks/engine.expected ("rules stream instructions most"
# a line): more than 5 % above a figure fails, and so does more than `most`, the limit that benchmarks/engine.sh judges by too ("-": it
# has none). Counted in the middle of a stream of the length that engine.sh counts on: caches are warm there. With --refresh the file
# is written anew.
set -u
cd "$(dirname "$0")/../.." || exit 1
program=${BUILD:-build/release}/bench/bench_engine
expected=benchmarks/engine.expected
counted=10000
streams() { [ "$1" = new ] && echo 20000 || echo 60000; }
most() { case $1 in 100) echo 1300 ;; 1000) echo 1800 ;; 10000) echo 4000 ;; esac; }

[ -x "$program" ] || { echo "not ok - instructions of the engine: $program is not built (make ${program#"$PWD"/})"; exit 1; }
command -v valgrind > /dev/null || { echo "not ok - instructions of the engine: valgrind is missing: run 'make deps'"; exit 1; }
case $program in */release/*) ;; *) echo "ok - instructions of the engine # SKIP only the release build is counted"; exit 0 ;; esac

count() { # count RULES STREAM
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --instr-atstart=no "$program" engine "$1" "$2" "$(streams "$2")" $counted 0 2>&1 |
		sed -nE 's/^==[0-9]+== Collected : ([0-9]+).*/\1/p' | awk -v n=$counted '{ printf "%.0f\n", $1 / n }'
}

if [ "${1:-}" = --refresh ]; then
	{
		echo "# Instructions per event of the engine: rules, stream, figure, most. Written by tests/engine/instructions.host.sh --refresh"
		for rules in 100 1000 10000; do
			echo "$rules usual $(count $rules usual) $(most $rules)"
		done
		echo "1000 new $(count 1000 new) -"
	} > "$expected.new" && mv "$expected.new" "$expected"
	cat "$expected"
	exit 0
fi

seen=0
while read -r rules kind figure most; do
	[[ $rules == \#* || -z $rules ]] && continue
	seen=$((seen + 1))
	found=$(count "$rules" "$kind")
	what="engine, $rules rules, $kind strings: ${found:-none} instructions an event, $figure on record"
	if [ -z "$found" ]; then
		echo "not ok - $what: could not be counted"
	elif [ "$most" != - ] && [ "$found" -gt "$most" ]; then
		echo "not ok - $what: the limit is $most"
	elif [ $((found * 100)) -gt $((figure * 105)) ]; then
		echo "not ok - $what: more than 5 % above; when that is meant: tests/engine/instructions.host.sh --refresh, and say why in the commit"
	else
		echo "ok - $what"
		[ $((found * 100)) -ge $((figure * 95)) ] || echo "# more than 5 % below: put it on record with tests/engine/instructions.host.sh --refresh"
	fi
done < "$expected"
[ $seen -gt 0 ] || echo "not ok - instructions of the engine: $expected holds no figure"
