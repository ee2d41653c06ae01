#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the benchmarks: benchmarks/run.sh build/VARIANT [NAME...]. Every bench_* program prints lines "case  time ns"; one that
# knows --list and CASE COUNT, and keeps its work in measured_run, is counted in instructions too, which a busy machine does not
# change. Writes build/VARIANT/bench/NAME.json: a list of {case, ns, instructions}. Fails when a gate is passed over.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${1:?usage: benchmarks/run.sh build/VARIANT [NAME...]}
shift
status=0
counted_events=2000

# Most instructions an event may take: "program case-pattern limit"
gates=(
	"bench_decode decode* 1000"
)

limit_of() { # limit_of PROGRAM CASE
	local g name pattern limit
	for g in "${gates[@]}"; do
		read -r name pattern limit <<< "$g"
		# shellcheck disable=SC2053 # the right side is a pattern
		[[ $1 == "$name" && $2 == $pattern ]] && { echo "$limit"; return; }
	done
}

instructions_of() { # instructions_of PROGRAM CASE: per event, or nothing
	local out
	out=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='measured_run*' "$1" "$2" $counted_events 2>&1) || return
	sed -nE 's/^==[0-9]+== Collected : ([0-9]+).*/\1/p' <<< "$out" | awk -v n=$counted_events '{ printf "%.0f\n", $1 / n }'
}

run_program() { # run_program PATH
	local name=${1##*/} table json="" counted="" line case_name ns instructions limit note
	table=$("$1") || { echo "$name: ended badly"; status=1; return; }
	[ -n "$valgrind" ] && counted=$("$1" --list 2>/dev/null)
	echo "== $name"
	while IFS= read -r line; do
		[[ $line =~ ^(.*[^[:space:]])[[:space:]]+([0-9.]+)\ ns$ ]] || { echo "$line"; continue; }
		case_name=${BASH_REMATCH[1]} ns=${BASH_REMATCH[2]} instructions="" note=""
		grep -qxF -- "$case_name" <<< "$counted" && instructions=$(instructions_of "$1" "$case_name")
		limit=$(limit_of "$name" "$case_name")
		if [ -n "$limit" ] && [ -n "$valgrind" ] && [ -z "$instructions" ]; then
			note="could not be counted"
			status=1
		elif [ -n "$limit" ] && [ -n "$instructions" ] && [ "$instructions" -gt "$limit" ]; then
			note="more than $limit"
			status=1
		fi
		printf '%-44s %10s ns %8s instructions %s\n' "$case_name" "$ns" "${instructions:--}" "$note"
		json+="${json:+,}{\"case\":\"$case_name\",\"ns\":$ns,\"instructions\":${instructions:-null}}"
	done <<< "$table"
	printf '[%s]\n' "$json" > "$B/bench/$name.json"
}

valgrind=$(command -v valgrind)
[ -n "$valgrind" ] || { echo "benchmarks: valgrind is missing, instructions are not counted and no gate is checked: run 'make deps'"; status=1; }
for program in "$B"/bench/bench_*; do
	[[ -x $program && $program != *.json ]] || continue
	[ $# -eq 0 ] || [[ " $* " == *" ${program##*/bench_} "* ]] || continue
	run_program "$program"
done
exit $status
