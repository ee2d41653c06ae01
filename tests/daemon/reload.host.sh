#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette reload` on this host, over a command of its own: each of its events is judged once by the old or the new rules.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
[ "$(id -u)" -eq 0 ] || { echo "ok - vedette reload # SKIP needs root"; exit 0; }
VEDETTE=$(realpath "$VEDETTE")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; fi; }
ends() { # ends GOT WANT TEXT WHAT: the status, and a text in the output
	[ "$1" -eq "$2" ] && { [ -z "$3" ] || grep -q -- "$3" "$work/out"; }
	check $? "$4 (status $1: $(head -c 120 "$work/out" | head -n 1))"
}
rules() { # rules ID: opens of numbered files raise it
	printf -- '- rule: %s\n  event: file.open\n  when: file.path startswith %s/n/\n  severity: low\n' "$1" "$work" > "$work/rules.yaml"
}
mkdir "$work/n"
S=$work/control.sock
rules old
cat > "$work/work.sh" <<'END'
i=0
while [ ! -e "$1/stop" ]; do : > "$1/n/$i"; rm "$1/n/$i"; i=$((i + 1)); done
echo $i > "$1/opened"
END
"$VEDETTE" run -q -r "$work/rules.yaml" --control "$S" -o "$work/log.jsonl" -- sh "$work/work.sh" "$work" 2> "$work/err" &
pid=$!
for ((i = 0; i < 300; i++)); do [ -S "$S" ] && break; sleep 0.1; done
[ "$(stat -c %a "$S")" = 600 ]; check $? "the socket is its owner's alone"
"$VEDETTE" status --control "$S" --json > "$work/out" 2>&1; ends $? 0 '"digest"' "status by the socket"
failed=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	rules new; "$VEDETTE" reload -c "$S" > "$work/out" 2>&1 || failed=$((failed + 1))
	rules old; "$VEDETTE" reload -c "$S" > "$work/out" 2>&1 || failed=$((failed + 1))
done
ends $failed 0 "1 rule is in force" "20 reloads"
rules new; "$VEDETTE" reload --json -c "$S" > "$work/out" 2>&1; ends $? 0 '"ok":true' "the answer as JSON"
echo '- rule: x' > "$work/rules.yaml"; "$VEDETTE" reload -c "$S" > "$work/out" 2>&1; ends $? 1 "rules.yaml:1:3: " "rules with faults"
rm "$work/rules.yaml"; "$VEDETTE" reload -c "$S" > "$work/out" 2>&1; ends $? 1 "rules.yaml: No such file" "rules that are gone"
"$VEDETTE" run -q --control "$S" -- true > "$work/out" 2>&1; ends $? 125 "another daemon serves it" "a socket that is served"
"$VEDETTE" reload -c "$work/none" > "$work/out" 2>&1; ends $? 1 "does it run" "no daemon"
clients=()
for ((i = 0; i < 40; i++)); do "$VEDETTE" status --control "$S" --json > "$work/status.$i" 2>&1 & clients+=($!); done
failed=0
for c in "${clients[@]}"; do wait "$c" || failed=$((failed + 1)); done
ends $failed 0 "" "40 clients at once"
: > "$work/stop"
wait $pid
check $? "the command went through"
[ ! -e "$S" ]; check $? "the socket is gone"
"$VEDETTE" verify --complete --key "$work/log.jsonl.pub" "$work/log.jsonl" > "$work/out" 2>&1; ends $? 0 "" "the log verifies"
grep '"vedette.close"' "$work/log.jsonl" | grep -q '"lost":0,'; check $? "nothing was lost"
opened=$(cat "$work/opened")
sed -nE "s,.*\"path\":\"$work/n/([0-9]+)\".*\"id\":\"(old|new)\".*,\1 \2,p" "$work/log.jsonl" | sort -n > "$work/judged"
lines=$(wc -l < "$work/judged") numbers=$(cut -d ' ' -f 1 "$work/judged" | uniq | wc -l) old=$(grep -c old "$work/judged") new=$(grep -c new "$work/judged")
[ "$opened" -gt 100 ] && [ "$lines" -eq "$opened" ] && [ "$numbers" -eq "$opened" ] && [ "$old" -gt 0 ] && [ "$new" -gt 0 ]
check $? "each of $opened opens was judged once: $lines alerts, $numbers numbers, $old and $new"
[ "$(grep -c '"vedette.reload"' "$work/log.jsonl")" -eq 23 ]; check $? "each reload is a record"
exit $bad
