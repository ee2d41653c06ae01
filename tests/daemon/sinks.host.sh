#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a daemon with sinks says of them, over a cgroup of its own on this host: warnings at start and reload, how many records wait, a closed standard output, a status file that
# another daemon writes.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
skip() { echo "ok - what a daemon says of its sinks # SKIP $1"; exit 0; }
[ "$(id -u)" -eq 0 ] || skip "needs root"
root=$(findmnt -nrt cgroup2 -o TARGET | head -n 1)
group=$root/vedette-sinks-test.$$
[ -n "$root" ] && mkdir "$group" 2> /dev/null || skip "no cgroup can be made here"
VEDETTE=$(realpath "$VEDETTE")
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid; rm -rf "$work"; rmdir "$group"' EXIT
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; head -c 1500 "$3" | sed 's/^/# /'; fi; }
printf -- '- {rule: opened, event: file.open, severity: low, when: file.path startswith %s/x}\n' "$work" > "$work/rules.yaml"
config() { # config NAME STATUS SINKS
	mkdir -p "$work/$1"
	cat > "$work/$1.yaml" <<-END
		rules: [$work/rules.yaml]
		sensor: tracepoint
		scope: {cgroup: $group}
		status_file: $work/$2
		control: ""
		agent: {folder: $work/$1/agent}
		wal: {folder: $work/$1/wal}
		output: {file: $work/$1.jsonl}
		sinks:
		$3
	END
}
await() { # await SECONDS COMMAND...: until it succeeds
	local until=$((SECONDS + $1))
	shift
	until "$@"; do [ $SECONDS -lt $until ] || return 1; sleep 0.1; done
}
config a status.json "  - {name: f, type: file, path: $work/a/out/a.jsonl}
  - {name: dead, type: syslog, address: 'unix:$work/nobody', filter: {tags: [none-has-it]}}"
config b status.json "  - {name: f, type: file, path: $work/b/b.jsonl}"
config c other.json "  - {name: o, type: stdout}"

"$VEDETTE" daemon -c "$work/a.yaml" 2> "$work/a.err" &
pid=$!
await 60 test -s "$work/status.json"; check $? "it is ready, and made the folder of a sink's file" "$work/a.err"
grep -q "a.yaml:[0-9]*:[0-9]*: warning: sink 'dead': no rule has the tag 'none-has-it'" "$work/a.err"; check $? "a filter by a tag that no rule has is warned of" "$work/a.err"
grep -q "output.file ($work/a.jsonl) is not written" "$work/a.err"; check $? "so is a file that no sink writes" "$work/a.err"
kill -HUP $pid
await 60 eval "[ \$(grep -c 'no rule has the tag' '$work/a.err') -eq 2 ]"; check $? "and after a reload the filter once more" "$work/a.err"

timeout 60 "$VEDETTE" daemon -c "$work/b.yaml" > "$work/out" 2>&1
[ $? -eq 1 ] && grep -q "another daemon, process $pid, writes its status there" "$work/out"; check $? "no second daemon writes the same status file" "$work/out"
timeout 60 "$VEDETTE" daemon -c "$work/c.yaml" 2> "$work/out" >&-
[ $? -eq 1 ] && grep -q "sink 'o': standard output is closed" "$work/out"; check $? "no daemon gives records to a closed standard output" "$work/out"

# shellcheck disable=SC2016 # the inner shell's
sh -c 'echo $$ > "$1/cgroup.procs"; for i in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4 5 6 7 8 9; do : > "$2/x$i$k"; done; done' - "$group" "$work" 2> /dev/null
await 60 eval "[ \$(grep -c '\"vedette.alert\"' '$work/a/out/a.jsonl') -eq 81 ]"; check $? "each of 81 alerts is in the file" "$work/a.err"
in_status() { # in_status SINK FIELD
	/usr/bin/python3 -c 'import json,sys; print([s[sys.argv[3]] for s in json.load(open(sys.argv[1]))["sinks"] if s["name"] == sys.argv[2]][0])' "$work/status.json" "$1" "$2"
}
same() { local n; n=$(wc -l < "$work/a/out/a.jsonl"); [ "$(in_status dead lag_records)" -eq "$n" ] && [ "$(in_status f lag_records)" -eq 0 ]; }
await 60 same; check $? "who has nothing is behind by the records that the file has" "$work/status.json"
kill -TERM $pid
wait $pid
pid=
left=$(sed -n 's/.*[^0-9]\([0-9][0-9]*\) records of the write-ahead log wait.*/\1/p' "$work/a.err")
[ "${left:-0}" -eq "$(wc -l < "$work/a/out/a.jsonl")" ]; check $? "and the end tells as many ($left)" "$work/a.err"
timeout 60 "$VEDETTE" daemon -c "$work/b.yaml" 2> "$work/b.err" &
pid=$!
await 60 grep -q "watching" "$work/b.err"; check $? "the status file of a daemon that has ended is free" "$work/b.err"
kill -TERM $pid
wait $pid
pid=
