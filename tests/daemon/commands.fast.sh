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
