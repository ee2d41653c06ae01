#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tracepoint mode on this machine, scoped to the programs that the test starts: every call as it was done, exchanged descriptors,
# nothing from outside, no record unaccounted for.
set -u
here=tests/bpf payload=build/payload
dir=$(mktemp -d "${TMPDIR:-/tmp}/tracepoint.XXXXXX")
trap 'rm -rf "$dir"' EXIT
printf '[]\n' > "$dir/none.yaml"

watch() { # watch NAME COMMAND...: its events go to NAME.jsonl
	local name=$1
	shift
	"$VEDETTE" run --quiet --sensor tracepoint --ring 64MiB --events --rules "$dir/none.yaml" --output "$dir/$name.jsonl" --status "$dir/$name.status" -- "$@"
}

if [ "$(id -u)" -ne 0 ]; then
	echo 'ok - tracepoint mode on the host # SKIP loading BPF programs needs root'
	exit 0
fi
if ! watch trial /bin/true > "$dir/trial.out" 2>&1; then
	if grep -qiE 'permission|not permitted|refuse' "$dir/trial.out"; then
		echo "ok - tracepoint mode on the host # SKIP $(tail -n 1 "$dir/trial.out")"
	else
		sed 's/^/# /' "$dir/trial.out"
		echo 'not ok - tracepoint mode starts on the host'
	fi
	exit 0
fi

for program in calls calls_net; do
	watch $program "$payload/$program" "$dir/$program.expect" "$dir/work" || echo "not ok - host: the program $program did its deeds"
	python3 $here/expect.py "host, $program" "$dir/$program.jsonl" "$dir/$program.expect"
	python3 $here/counts.py "host, $program" "$dir/$program.status"
done

watch exchange "$payload/exchange" "$dir/work" 30000 > "$dir/exchange.out" || echo 'not ok - host: the program exchange ran'
python3 $here/exchange.py host "$dir/exchange.jsonl" 30000
python3 $here/counts.py 'host, exchange' "$dir/exchange.status"

# A process outside the tree opens a marked file all the while.
: > "$dir/outside"
(while [ ! -e "$dir/stop" ]; do : < "$dir/outside"; done) &
watch inside /bin/sh -c ": > '$dir/inside'; exec cat '$dir/inside'"
: > "$dir/stop"
wait
if grep -q "$dir/inside" "$dir/inside.jsonl"; then echo 'ok - host: the watched process is seen'; else echo 'not ok - host: the watched process is seen'; fi
if grep -q "$dir/outside" "$dir/inside.jsonl"; then echo 'not ok - host: nothing outside the tree is seen'; else echo 'ok - host: nothing outside the tree is seen'; fi
