#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench-engine: benchmarks/engine.sh build/VARIANT. Times and counts the designs of bench_engine over sets of 100, 273, 1000 and 10000
# rules, says what of the goals is reached, and writes build/bench/engine.json: a list of {rules, design, ns, instructions, memory_bytes, cache_bytes}.
# Times are process CPU time, best of three for all but the slow oracle: what else runs here takes the processor's caches away, which costs the
# engine more than the others. Instructions are callgrind's, of the measured half of a stream only. memory_bytes: of the engine what it
# compiled, of the others the loaded set; cache_bytes: of the engine's caches when full, 0 of the others, which keep nothing. Ends with 1 when a
# design gives other answers than the oracle, or a goal of the first column is missed.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${1:?usage: benchmarks/engine.sh build/VARIANT}
program=$B/bench/bench_engine
corpora=${VEDETTE_CORPORA:-../shared/corpora}
out=build/bench
status=0
mkdir -p "$out"
command -v valgrind > /dev/null || { echo "engine.sh: valgrind is missing: run 'make deps'" >&2; exit 1; }

value() { # value KEY LINE
	sed -nE "s/(^|.* )$1=([^ ]*).*/\2/p" <<< "$2"
}
count() { # count ARGUMENTS...: instructions in all
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --instr-atstart=no "$program" "$@" 2>&1 | sed -nE 's/^==[0-9]+== Collected : ([0-9]+).*/\1/p'
}
per() { awk -v a="$1" -v n="$2" 'BEGIN { if (n > 0 && a != "") printf "%.0f", a / n; else printf "null" }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.1f", a / b; else printf "0" }'; }

declare -A ns instructions index sums compile
json=""
printf '%-9s %6s %10s %12s %9s %10s %8s %7s  %s\n' design rules ns/event instr/event memory events alerts cand. "cold start"
run() { # run DESIGN RULES STREAM TIMED COUNTED COUNT_STREAM
	local design=$1 rules=$2 line memory caches=0 key="$1 $2" times=3 now
	[ "$design" = oracle ] && times=1
	for ((; times; times--)); do
		line=$("$program" "$design" "$rules" usual "$3" "$4" 100) || { echo "engine.sh: bench_engine $design $rules failed" >&2; exit 1; }
		now=$(value ns "$line")
		awk -v a="$now" -v b="${ns[$key]:-1e99}" 'BEGIN { exit a >= b }' && ns[$key]=$now
	done
	sums[$key]=$(value sum "$line")
	instructions[$key]=$(per "$(count "$design" "$rules" usual "$6" "$5" 0)" "$5")
	memory=$(value set_bytes "$line")
	[ "$design" = engine ] && memory=$(value index_bytes "$line") && caches=$(value cache_bytes "$line") && index[$rules]=$memory && compile[$rules]=$(value compile_us "$line")
	printf '%-9s %6d %10.0f %12s %6.1f MB %10d %8s %7s  load %d ms' "$design" "$rules" "${ns[$key]}" "${instructions[$key]}" "$(ratio "$memory" 1000000)" "$4" \
		"$(value alerts "$line")" "$(value candidates "$line")" $(($(value load_us "$line") / 1000))
	[ "$design" = engine ] && printf ', compile %.1f ms, caches %s MB, %s predicates' "$(ratio "${compile[$rules]}" 1000)" "$(ratio "$(value cache_bytes "$line")" 1000000)" \
		"$(value predicates "$line")"
	echo
	json+="${json:+,}{\"rules\":$rules,\"design\":\"$design\",\"ns\":${ns[$key]},\"instructions\":${instructions[$key]},\"memory_bytes\":$memory,\"cache_bytes\":$caches}"
}
for rules in 100 273 1000 10000; do
	slow=1
	[ $rules -eq 10000 ] && slow=10
	run oracle $rules 200000 $((1000 / slow)) $((300 / slow)) 60000
	run bucketed $rules 200000 $((3000 / slow)) $((1000 / slow)) 60000
	run engine $rules 200000 100000 30000 60000
	for design in bucketed engine; do
		[ "${sums[$design $rules]}" = "${sums[oracle $rules]}" ] && continue
		echo "engine.sh: $design and the oracle differ in their answers at $rules rules" >&2
		status=1
	done
done
printf '[%s]\n' "$json" > "$out/engine.json"

line=$("$program" engine 1000 new 100000 50000 0) || exit 1
new_ns=$(value ns "$line")
new_instructions=$(per "$(count engine 1000 new 20000 10000 0)" 10000)
printf '%-9s %6d %10.0f %12s  every path, executable and argument list new; folders, names of processes and users, images and what is known of them stay cached\n' engine 1000 "$new_ns" "$new_instructions"

load_ms=""
if [ -d "$corpora/falco" ] && [ -d "$corpora/sigma" ]; then
	line=$("$program" load "$corpora/falco" "$corpora/sigma" 2> "$out/engine-load.txt")
	if [ -n "$(value rules "$line")" ]; then
		load_ms=$(ratio $(($(value load_us "$line") + $(value compile_us "$line"))) 1000)
		echo "Falco and Sigma: $(value rules "$line") rules in $(value files "$line") files, load $(ratio "$(value load_us "$line")" 1000) ms, compile $(ratio "$(value compile_us "$line")" 1000) ms"
	else
		echo "Falco and Sigma: these rules do not load yet ($(value errors "$line") errors, see $out/engine-load.txt)"
	fi
else
	echo "Falco and Sigma: the corpora are not there ($corpora)"
fi

verdict() { # verdict WHAT VALUE MUST AIM UNIT [at-least]
	local word
	word=$(awk -v v="$2" -v m="$3" -v a="$4" -v up="${6:-}" 'BEGIN { if (up) { v = -v; m = -m; a = -a } print v <= a ? "reached, and the aim" : v <= m ? "reached" : "MISSED" }')
	[ "$word" = MISSED ] && status=1
	printf '%-52s %10s %-5s must %s, aim %s: %s\n' "$1" "$2" "$5" "$3" "$4" "$word"
}
echo
verdict "instructions per event, 100 rules" "${instructions[engine 100]}" 1300 900 ""
verdict "instructions per event, 1000 rules" "${instructions[engine 1000]}" 1800 1200 ""
verdict "instructions per event, 10000 rules" "${instructions[engine 10000]}" 4000 2500 ""
verdict "times faster than bucketed, 1000 rules" "$(ratio "${ns[bucketed 1000]}" "${ns[engine 1000]}")" 40 80 "x" at-least
verdict "every string new, 1000 rules" "$new_ns" 1300 800 ns
verdict "index memory, 1000 rules" "$(ratio "${index[1000]}" 1000000)" 12 3 MB
verdict "index memory, 10000 rules" "$(ratio "${index[10000]}" 1000000)" 40 20 MB
[ -n "$load_ms" ] && verdict "load and compile Falco's and Sigma's rules" "$load_ms" 150 50 ms
verdict "compile 10000 rules" "$(ratio "${compile[10000]}" 1000)" 1500 500 ms
echo "figures: $out/engine.json"
exit $status
