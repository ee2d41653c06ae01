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
[ $got -eq 1 ] && [ $took -ge 4900 ] && [ $took -lt 30000 ] && grep -q "no answer within 5 seconds" "$dir/status"
result $? "status --control gives a daemon that hangs 5 seconds" "status $got after $took ms: $(cat "$dir/status")"
grep -Eq "^vedette reload: no answer yet: waiting for 118 more seconds, until [0-9:]{8}$" "$dir/reload"
result $? "reload says that it waits, and until when" "$(cat "$dir/reload")"
kill $hung
wait 2> /dev/null
exit $failed
