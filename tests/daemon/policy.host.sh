#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette policy` on this host, over a command of its own: what is applied, confirmed, taken back by itself, refused, and kept over restarts.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
[ "$(id -u)" -eq 0 ] || { echo "ok - vedette policy # SKIP needs root"; exit 0; }
VEDETTE=$(realpath "$VEDETTE")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; fi; }
ends() { # ends GOT WANT TEXT WHAT: the status, and a text in the output
	[ "$1" -eq "$2" ] && { [ -z "$3" ] || grep -q -- "$3" "$work/out"; }
	check $? "$4 (status $1: $(head -c 160 "$work/out" | head -n 1))"
}
S=$work/control.sock P=$work/policies
policy() { "$VEDETTE" policy -c "$S" "$@" > "$work/out" 2>&1; }
rules() { # rules ID: opens of numbered files raise it
	printf -- '- rule: %s\n  event: file.open\n  when: file.path startswith %s/n/\n  severity: low\n' "$1" "$work"
}
in_force() { "$VEDETTE" policy -c "$S" --json status | grep -q "\"rules\":$1"; }
start() {
	rm -f "$work/stop" "$S"
	"$VEDETTE" run -q -r "$work/rules.yaml" --control "$S" --policies "$P" -o "$work/log.jsonl" -- sh -c \
		'while [ ! -e "$1/stop" ]; do : > "$1/n/1"; sleep 0.05; done' x "$work" 2>> "$work/err" &
	pid=$!
	for ((i = 0; i < 300; i++)); do [ -S "$S" ] && break; sleep 0.1; done
}
finish() { : > "$work/stop"; wait $pid; }
mkdir "$work/n"
rules base > "$work/rules.yaml"
rules web > "$work/web.yaml"
rules other > "$work/web2.yaml"
start
[ "$(stat -c %a "$P")" = 700 ]; check $? "the folder of policies is root's alone"
policy apply "$work/web.yaml"; ends $? 0 "policy web is in force: 2 rules are in force (before: 1)" "a policy is applied"
cmp -s "$work/web.yaml" "$P/web.yaml"; check $? "and kept"
policy list; ends $? 0 "^web$" "it is listed"
policy show web; cmp -s "$work/out" "$work/web.yaml"; check $? "and shown as it was written"
policy apply --confirm 10s --name web "$work/web2.yaml"; ends $? 0 "taken back in 10 seconds" "another one takes its place for a while"
began=$(date +%s)
policy apply "$work/web.yaml"; ends $? 1 "waits to be confirmed" "a second one is refused meanwhile"
"$VEDETTE" reload -c "$S" > "$work/out" 2>&1; ends $? 1 "waits to be confirmed" "and a reload"
"$VEDETTE" status --control "$S" > "$work/out" 2>&1; ends $? 0 "waits to be confirmed: policy web" "status says what waits"
"$VEDETTE" status --control "$S" --json > "$work/out" 2>&1; ends $? 0 '"applied":\["web"\],.*"pending":{' "as JSON, too"
policy status; ends $? 0 "policy web waits to be confirmed" "and so does policy status"
cmp -s "$work/web.yaml" "$P/web.yaml"; check $? "what is kept is still the one of before"
for ((i = 0; i < 150; i++)); do "$VEDETTE" policy -c "$S" status | grep -q waits || break; sleep 0.1; done
took=$(($(date +%s) - began))
[ $took -ge 9 ] && [ $took -le 13 ]; check $? "it goes back by itself, after $took seconds"
policy confirm; ends $? 1 "no policy waits" "too late to confirm it"
policy apply --confirm 1h --name app "$work/web2.yaml"; ends $? 0 "3 rules are in force" "one more, with a long time"
policy rollback; ends $? 0 "policy app is taken back: 2 rules" "it is taken back when asked"
policy apply --confirm 1h --name app "$work/web2.yaml"; policy confirm; ends $? 0 "policy app is confirmed" "or confirmed"
echo '- rule: x' > "$work/broken.yaml"; policy apply "$work/broken.yaml"; ends $? 1 "broken.yaml:1:3: " "a file with faults is refused before it is sent"
rules base > "$work/twice.yaml"; policy apply "$work/twice.yaml"; ends $? 1 "^$work/twice.yaml:1:9: " "the daemon's refusal names the asker's file"
in_force 3; check $? "and changes nothing"
policy apply "$work/none.yaml"; ends $? 1 "No such file" "no file"
policy apply "$work"; ends $? 1 "a policy is one file" "a folder"
policy apply --name ../x "$work/web.yaml"; ends $? 2 "is no name of a policy" "a bad name"
policy apply --confirm 5s "$work/web.yaml"; ends $? 2 "10s to 1h" "a time that is too short"
policy confirm --force; ends $? 2 "not for confirm" "an option of another one"
policy; ends $? 2 "what is to be done" "nothing to be done"
policy fly; ends $? 2 "fly" "something else"
policy remove none; ends $? 1 "no policy of this name" "removing what is not there"
for i in 1 2 3 4 5 6 7 8; do
	rules "r$i" > "$work/r$i.yaml"
	"$VEDETTE" policy -c "$S" apply "$work/r$i.yaml" > "$work/out.$i" 2>&1 & clients[i]=$!
done
done_n=0 refused=0
for i in 1 2 3 4 5 6 7 8; do if wait "${clients[i]}"; then done_n=$((done_n + 1)); else grep -q "try again" "$work/out.$i" && refused=$((refused + 1)); fi; done
[ $done_n -ge 1 ] && [ $((done_n + refused)) -eq 8 ] && in_force $((3 + done_n)) && [ "$(ls "$P" | grep -c '^r')" -eq $done_n ]
check $? "of 8 at once each is applied or refused ($done_n, $refused)"
for i in 1 2 3 4 5; do
	rules "k$i" > "$work/k$i.yaml"
	"$VEDETTE" policy -c "$S" apply --confirm 1h "$work/k$i.yaml" > /dev/null 2>&1 & client=$!
	sleep 0.0$i; kill -KILL $client 2> /dev/null; wait $client 2> /dev/null
	policy rollback
done
in_force $((3 + done_n)); check $? "clients that are killed leave all or nothing behind"
finish; check $? "the command went through"
"$VEDETTE" verify --complete --key "$work/log.jsonl.pub" "$work/log.jsonl" > "$work/out" 2>&1; ends $? 0 "" "the log verifies"
grep '"vedette.policy"' "$work/log.jsonl" > "$work/records"
grep '"reason":"timeout"' "$work/records" | grep '"action":"rollback"' | grep -qv '"by"'; check $? "going back by itself is a record without an asker"
grep '"action":"apply"' "$work/records" | grep '"name":"app"' | grep '"confirm":3600000000000' | grep -q '"by":{[^}]*"uid":0'; check $? "applying is one with who asked"
grep '"action":"confirm"' "$work/records" | grep -q '"name":"app"'; check $? "and so is confirming"
grep '"name":"twice"' "$work/records" | grep -q '"errors":\['; check $? "and a refusal, with the reasons"
grep -q "policy web: rollback done (timeout)" "$work/err"; check $? "standard error tells it as well"
start
in_force $((3 + done_n)); check $? "the next watch has what was kept"
policy apply --confirm 1h --name late "$work/k1.yaml"; kill -KILL $pid; wait $pid 2> /dev/null; sleep 0.3
start
in_force $((3 + done_n)); check $? "a watch that is killed meanwhile comes up with those of before"
grep -q "'late.yaml' was not confirmed" "$work/err"; check $? "and says so"
policy apply --confirm 1h --name late "$work/k1.yaml"; finish
grep '"vedette.policy"' "$work/log.jsonl" | grep -q '"reason":"stopped"'; check $? "one that ends tells that it takes it back"
start
in_force $((3 + done_n)); check $? "and so it is"
policy remove web; ends $? 0 "policy web is removed" "a policy is removed"
finish
exit $bad
