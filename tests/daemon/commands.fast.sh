#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the daemon's commands say without a daemon: a configuration is checked; a daemon that hangs is not waited for in silence.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}
dir=$BUILD/daemon-commands
rm -rf "$dir" && mkdir -p "$dir"
printf -- '- {rule: r, event: file.open, severity: low, when: file.path = /x}\n' > "$dir/one.yaml"
printf -- '- macro: m\n  when: file.path = /x\n' > "$dir/none.yaml"
config() { # config RULES STATUS [MORE]
	printf 'rules: [%s]\nstatus_file: %s\noutput: {file: %s/log.jsonl}\ncontrol: ""\n%s\n' "$1" "$2" "$dir" "${3:-}" > "$dir/c.yaml"
}
checks() { # checks STATUS TEXT WHAT : --check of the configuration ends so, and says so
	local out got
	out=$("$VEDETTE" daemon -c "$dir/c.yaml" --check 2>&1)
	got=$?
	[ $got -eq "$1" ] && [[ $out == *"$2"* ]]
	result $? "daemon --check: $3" "status $got: $out"
}
# --- the command itself ---------------------------------------------------------------------------------------------------
mistaken() { # mistaken STATUS TEXT WORD... : one line, and no page of help that hides it
	local out got want=$1 text=$2
	shift 2
	out=$("$VEDETTE" "$@" 2>&1)
	got=$?
	[ $got -eq "$want" ] && [ "$out" = "$text" ]
	result $? "vedette $*: $text" "status $got: $out"
}
mistaken 2 "vedette: no command 'statsu' (did you mean 'status'?); see vedette --help" statsu
mistaken 2 "vedette: no command 'x'; see vedette --help" x
mistaken 2 "vedette verify: --key is missing: without a key from elsewhere a log proves nothing; see vedette verify --help" verify log
mistaken 2 "vedette format: --to FORMAT is missing; see vedette format --help" format log

config "$dir/one.yaml" "$dir/run/status.json"
checks 0 "configuration and 1 rule are fine" "the folder of the status is missing, and will be made"
[ ! -e "$dir/run" ]
result $? "and the check made nothing"
config "$dir/one.yaml" "$dir/a/b/status.json"
checks 1 "the status cannot be written there" "two folders are missing: only one is ever made"
config "$dir/none.yaml" ""
checks 1 "the rule files hold no rule, which would switch detection off" "a file without a rule"
config "$dir/none.yaml" "" "allow_no_rules: true"
checks 0 "configuration and 0 rules are fine" "a file without a rule, as it was asked for"

# --- sinks ----------------------------------------------------------------------------------------------------------------
sinks() { # sinks LIST : a configuration with these sinks, whose folders are below ours
	printf 'rules: [%s]\nstatus_file: ""\ncontrol: ""\nagent: {folder: %s/agent}\nwal: {folder: %s/wal}\n%s\nsinks:\n%s\n' "$dir/one.yaml" "$dir" "$dir" "${2:-}" "$1" > "$dir/c.yaml"
}
sinks "  - {name: o, type: stdout}"
sed -i "s#wal: {folder: .*}#wal: {folder: $dir/one.yaml}#" "$dir/c.yaml"
checks 1 "$dir/one.yaml: the folder cannot be used: $dir/one.yaml: Not a directory" "a file stands where the write-ahead log's folder should"
printf '%s\n' '- {rule: opened, event: file.open, severity: low, tags: [secrets], when: file.path = /x}' > "$dir/one.yaml"
sinks "  - {name: f, type: file, path: $dir/sink/a.jsonl}"
checks 0 "configuration and 1 rule are fine" "the folder of a sink's file is missing, and will be made"
sinks "  - {name: f, type: file, path: $dir/no/such/a.jsonl}"
checks 1 "c.yaml:8:5: sink 'f': $dir/no/such/a.jsonl cannot be opened for writing: $dir/no/such: No such file or directory: make it" "two folders of a sink's file are missing"
: > "$dir/plain" && ln -s plain "$dir/link" && : > "$dir/one.name" && ln "$dir/one.name" "$dir/two.names"
sinks "  - {name: f, type: file, path: $dir/link}"
checks 1 "c.yaml:8:5: sink 'f': $dir/link cannot be opened for writing: it is a symbolic link" "a sink's file is a symbolic link"
sinks "  - {name: f, type: file, path: $dir/two.names}"
checks 1 "$dir/two.names must be a regular file with one name" "a sink's file has two names"
sinks "  - {name: f, type: file, path: $dir/plain/a}"
checks 1 "$dir/plain/a cannot be opened for writing: $dir/plain: Not a directory" "a file stands where a sink's folder should"
sinks "  - {name: f, type: file, path: $dir/plain, filter: {rules: [opend, opened]}}"
checks 0 "c.yaml:8:$((58 + ${#dir})): warning: sink 'f': no rule has the name 'opend' (did you mean 'opened'?)" "a filter names a rule that is none"
sinks "  - {name: f, type: file, path: $dir/plain, filter: {tags: [secret, zzzzzzzzz]}}"
checks 0 "sink 'f': no rule has the tag 'secret' (did you mean 'secrets'?)" "a filter names a tag that no rule has"
checks 0 "no rule has the tag 'zzzzzzzzz': nothing comes by it" "a tag that is like no other"
sinks "  - {name: f, type: file, path: $dir/plain, filter: {tags: [secrets], rules: [opened]}}"
out=$("$VEDETTE" daemon -c "$dir/c.yaml" --check 2>&1)
[[ $out != *"no rule has"* ]]
result $? "a filter by what there is says nothing" "$out"
sinks "  - {name: s, type: stdout}" "output: {file: $dir/log.jsonl}"
checks 0 "output.file ($dir/log.jsonl) is not written, for there are \`sinks\`: a sink of type file with that path writes it" "output.file beside sinks"
sinks "  - {name: f, type: file, path: $dir/./log.jsonl}" "output: {file: $dir/log.jsonl}"
out=$("$VEDETTE" daemon -c "$dir/c.yaml" --check 2>&1)
[[ $out != *"is not written"* ]]
result $? "output.file that a sink writes" "$out"
printf -- '- {rule: r, event: file.open, severity: low, when: file.path = /x}\n' > "$dir/one.yaml"

# A closed standard output is none that somebody reads: what is written there fails.
mkfifo "$dir/fifo"
"$VEDETTE" check - < "$dir/fifo" >&- 2>"$dir/check.err" &
pid=$!
exec 9>"$dir/fifo"
flags=
for _ in {1..200}; do
	[ -e "/proc/$pid/fdinfo/1" ] && flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$pid/fdinfo/1" 2>/dev/null) && break
	sleep 0.02
done
exec 9>&-
wait "$pid"
[ $((8#${flags:-1} & 3)) -eq 0 ]
result $? "a closed standard output cannot be written to" "flags: $flags"

refuses() { # refuses RULE MORE WHAT TEXT... : of one rule that blocks or kills, --check and check say each text, in the same words
	local out also what=$3
	printf -- '- {rule: b, severity: high, %s}\n' "$1" > "$dir/b.yaml"
	config "$dir/b.yaml" "" "$2"
	out=$("$VEDETTE" daemon -c "$dir/c.yaml" --check 2>&1)
	[ $? -eq 1 ]
	result $? "daemon --check refuses $what" "$out"
	also=$("$VEDETTE" check "$dir/b.yaml" 2>&1)
	[ $? -eq 1 ]
	result $? "check refuses $what" "$also"
	shift 3
	for text in "$@"; do
		[[ $out == *"$text"* && $also == *"$text"* ]]
		result $? "both say of $what: $text" "$out
$also"
	done
}
exec_rule="event: process.exec, action: block, when:"
refuses "$exec_rule 'process.args intersects (-e)'" "enforce: true" "a rule that the kernel cannot decide" "b.yaml:1:" \
	"rule b cannot block: process.args intersects (-e): arguments can be read when the image is in place"
refuses "$exec_rule process.executable = /bin/sh" "enforce: true" "a rule against shells" \
	"b.yaml:1:3: rule b would block" "(except it, or force the rule)"
refuses "event: process.exec, action: kill, when: 'user.id >= 0'" "enforce: true" "a rule that kills everything" \
	"b.yaml:1:3: rule b would kill in"
both="- {rule: b, severity: high, $exec_rule process.executable = /bin/sh}
- {rule: c, severity: high, $exec_rule 'process.args intersects (-e)'}"
printf '%s\n' "$both" > "$dir/b.yaml"
config "$dir/b.yaml" "" "enforce: true"
checks 1 "rule b would block" "all that is wrong is said in one go: what the host needs"
checks 1 "rule c cannot block" "all that is wrong is said in one go: what cannot be decided"
printf -- '- {rule: b, severity: high, %s}\n' "$exec_rule process.executable = /bin/sh" > "$dir/b.yaml"
config "$dir/b.yaml" "" "enforce: true
sensor: tracepoint"
checks 1 "nothing can be enforced in the tracepoint mode" "enforcement in a mode that has none"
if [ "$(id -u)" -eq 0 ]; then
	checks 1 "rule b blocks, and this host offers only the tracepoint mode" "a rule that blocks in a mode that cannot"
fi
config "$dir/one.yaml" "" "enforce: true
sensor: tracepoint"
checks 1 "nothing can be enforced in the tracepoint mode" "enforcement in a mode that has none, without a rule that blocks"
out=$("$VEDETTE" check --force "$dir/b.yaml" 2>&1)
[ $? -eq 0 ] && [[ $out == *"warning: rule b would block"* ]]
result $? "check --force warns of what is forced" "$out"

# Options that are none, and how they are named.
misused() { # misused TEXT ARGUMENT... : wrong use, told so
	local out got text=$1
	shift
	out=$("$VEDETTE" "$@" 2>&1 < /dev/null)
	got=$?
	{ [ $got -eq 2 ] || [ $got -eq 125 ]; } && [[ $out == "vedette $1: "*"$text"* ]] && [ "$(wc -l <<< "$out")" -eq 1 ]
	result $? "misused: vedette $*: $text" "status $got: $out"
}
misused "no option '--confrim' (did you mean '--confirm'?); see vedette policy --help" policy --confrim 3s x
misused "--confirm needs a value" policy apply --confirm
misused "no option '-c'" release -c
misused "--json takes no value" status --json=3
for text in '{}' '{"a":1}' '{"pid":1}' '{"pid":1,"sensor":{}}' '[]' 'x'; do
	echo "$text" > "$dir/no.json"
	out=$("$VEDETTE" status "$dir/no.json" 2>&1)
	got=$?
	[ $got -eq 3 ] && [ "$out" = "vedette status: $dir/no.json is not a status file" ]
	result $? "another document than a status file: $text" "status $got: $out"
done
misused "no option '--for'" stop --for 3s
misused "--for takes a time of at least a second" protect --for x off
misused "no option '-z'" run -z true
misused "--output needs a value" record -o
misused "no option '--chek' (did you mean '--check'?)" daemon --chek
misused "no option '--x'" check --x
misused "'standard input' is no name of a policy" policy apply -
misused "'v1.2' is no name of a policy" policy apply v1.2.yaml

# What vedette status says of a daemon by its document, and how it ends.
document() { # document KEY=VALUE... : that of a healthy daemon with other values, as file
	python3 - "$dir/document" "$@" <<-'PY'
		import json, os, sys
		doc = {"at": "2026-01-01T00:00:00Z", "pid": os.getppid(), "version": "x",
		       "sensor": {"mode": "lsm", "canary_seen": True, "canary_denied": True, "skipped_runs": 0}, "hooks": [{"attached": True, "where": "lsm/file_open"}],
		       "policy": {"rules": 3, "digest": "d", "applied": ["web"], "forced": []}, "protection": {"state": "on", "failures": 0},
		       "enforcement": {"enabled": True, "on_exit": "release", "rules": {"blocking": 2, "killing": 0, "watching": 1, "partly": 0},
		                       "blocked_by": [{"rule": "r", "count": 7}], "blocked_by_others": 0},
		       "totals": {"lost": 0, "damaged": 0, "unwritten": 0}, "events": {}}
		for change in sys.argv[2:]:
		    path, value = change.split("=", 1)
		    at = doc
		    *folders, last = path.split(".")
		    for f in folders:
		        at = at[f]
		    at[last] = json.loads(value)
		json.dump(doc, open(sys.argv[1], "w"))
	PY
}
tells() { # tells STATUS TEXT WHAT [KEY=VALUE...]
	local want=$1 text=$2 what=$3 out got
	shift 3
	document "$@"
	out=$("$VEDETTE" status "$dir/document" 2>&1)
	got=$?
	[ $got -eq "$want" ] && [[ $out == *"$text"* ]]
	result $? "status: $what: $want" "got $got: $out"
	out=$("$VEDETTE" status --json "$dir/document" 2> /dev/null)
	got=$?
	[ $got -eq "$want" ] && python3 -m json.tool <<< "$out" > /dev/null
	result $? "status --json: $what: $want" "got $got"
}
tells 0 "enforces  yes: 2 rules block, 0 kill; 1 only tells what they would do" "healthy" "pid=$$"
tells 0 "r blocked 7 times" "which rule blocked how often" "pid=$$"
tells 0 "nothing is blocked any more (on_exit: release)" "what becomes of it at the end" "pid=$$"
tells 0 "enforces  no: nothing is blocked" "a daemon that only watches" "pid=$$" "enforcement.enabled=false"
tells 0 "applied: web (forced" "a policy that was forced" "pid=$$" 'policy.forced=["web"]'
tells 0 "taken back at then: web: it blocked more in a minute than" "why a policy went back" "pid=$$" \
	'policy.last={"name":"web","action":"rollback","reason":"breaker","at":"then","blocked":61}'
tells 1 "degraded  the protection of Vedette itself failed 2 times" "protection that failed" "pid=$$" "protection.failures=2"
tells 1 "degraded  the protection of Vedette itself is off" "protection that is off" "pid=$$" 'protection.state="off"'
tells 1 "degraded  the kernel did not refuse the test act" "a canary that was not refused" "pid=$$" "sensor.canary_denied=false"
tells 0 "sensor    tracepoint" "the mode that refuses nothing" "pid=$$" 'sensor.mode="tracepoint"' "sensor.canary_denied=false" "enforcement.enabled=false"
tells 1 "degraded  the kernel skipped 3 runs" "runs that were skipped" "pid=$$" "sensor.skipped_runs=3"
tells 1 "degraded  9 records of the kernel were lost" "losses" "pid=$$" "totals.lost=9"
tells 1 "degraded  4 alerts and events got no record" "a log that cannot be written" "pid=$$" "totals.unwritten=4"
tells 1 "degraded  5 acts found no slot to be decided in" "acts without a slot" "pid=$$" 'losses={"decisions":5}'
tells 0 "totals " "losses that weaken nothing" "pid=$$" 'losses={"outcomes":5}'
tells 0 "rates     12.3 events/s, 0.1 alerts/s, 0.0 lost/s over the last 60 seconds" "rates" "pid=$$" 'rates={"events":738,"alerts":6,"lost":0,"over_ms":60000}'
tells 0 "rings     priority 0 % full, bulk 25 %" "rings" "pid=$$" 'rates={"over_ms":0}' 'rings={"priority_used":0,"priority_size":0,"bulk_used":2,"bulk_size":8}'
tells 0 "keys      epoch 4, locked in memory; held back 1 time" "keys" "pid=$$" 'keys={"epoch":4,"held":1,"locked":true}'
tells 0 "memory    34 MiB resident; rules 2 KiB" "memory" "pid=$$" 'memory_bytes={"resident":35651584,"index":2048}'
tells 0 "noise     7 alerts held back by throttles, 8 by noise.rate" "noise" "pid=$$" "totals.suppressed=7" "totals.limited=8" 'throttles={"windows":1,"hurried":0}'
tells 1 "degraded  a probe is missing: lsm/file_open: why" "a missing probe" "pid=$$" 'hooks=[{"attached":false,"where":"lsm/file_open","missing":"why"}]'
tells 3 "down: the process is gone" "a process that is gone" "pid=$(sh -c 'echo $$')"
tells 3 "is still blocked (on_exit: keep)" "a process that is gone and left its verdicts" "pid=$(sh -c 'echo $$')" 'enforcement.on_exit="keep"'
document "pid=$$"
touch -d "1 minute ago" "$dir/document"
"$VEDETTE" status "$dir/document" > /dev/null 2> "$dir/status"
[ $? -eq 3 ] && grep -q "down: the file is old" "$dir/status"
result $? "status: an old file: 3" "$(cat "$dir/status")"
"$VEDETTE" status "$dir/nothing" 2> "$dir/status"
[ $? -eq 3 ] && grep -q "does the daemon run" "$dir/status"
result $? "status: no file: 3" "$(cat "$dir/status")"

python3 - "$dir/s" << 'PY' &
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(4)
time.sleep(60)
PY
hung=$!
for _ in $(seq 100); do [ -S "$dir/s" ] && break; sleep 0.05; done
timeout 4 "$VEDETTE" reload -c "$dir/s" 2> "$dir/reload" > /dev/null &
begin=$(date +%s%N)
"$VEDETTE" status --control "$dir/s" 2> "$dir/status"
got=$?
took=$((($(date +%s%N) - begin) / 1000000))
[ $got -eq 3 ] && [ $took -ge 4900 ] && [ $took -lt 30000 ] && grep -q "no answer within 5 seconds" "$dir/status"
result $? "status --control gives a daemon that hangs 5 seconds" "status $got after $took ms: $(cat "$dir/status")"
grep -Eq "^vedette reload: no answer yet: waiting for 118 more seconds, until [0-9:]{8}$" "$dir/reload"
result $? "reload says that it waits, and until when" "$(cat "$dir/reload")"
kill $hung
wait 2> /dev/null
exit $failed
