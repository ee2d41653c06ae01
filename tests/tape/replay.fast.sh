#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A tape that was recorded once, in lsm mode, by the first version that could: every later one reads it, and rules say the same of it.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
tape=tests/golden/sample.tape
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; fi; }
cat > "$work/rules.yaml" <<'END'
- rule: shadow
  event: file.open
  when: file.path = /etc/shadow
  severity: high
  message: "{process.name} of {process.parent.name} as {user.name}: {event.outcome} {vedette.errno}"
- rule: moved
  event: file.rename
  when: file.name = marked-1 and vedette.new_path endswith marked-2 and ancestor(process.name = vedette)
  severity: low
  message: "{file.path} {vedette.new_path}"
- rule: none-such
  event: file.open
  when: file.path = /etc/none and vedette.errno = ENOENT
  severity: low
- rule: created-then-removed
  severity: low
  message: "{file.path}"
  sequence:
    within: 10s
    by: [file.path]
    steps:
      - {event: file.mkdir, when: file.name = d}
      - {event: file.delete, when: file.name = d}
END
"$VEDETTE" check "$work/rules.yaml" > "$work/out" 2>&1 || sed 's/^/# /' "$work/out"
for i in 1 2; do
	"$VEDETTE" replay --json -r "$work/rules.yaml" $tape > "$work/$i.jsonl" 2> "$work/err"
	check $? "replay $i: $(cat "$work/err")"
	"$VEDETTE" replay -q -r "$work/rules.yaml" -o "$work/$i.log" $tape 2> "$work/err"
	check $? "with a log"
	"$VEDETTE" verify --complete --key "$work/$i.log.pub" "$work/$i.log" > /dev/null
	check $? "that verifies"
done
plain() { sed -E 's/"id":"[^"]*:[0-9]+",/"id":"",/' "$1"; }
[ -s "$work/1.jsonl" ] && cmp <(plain "$work/1.jsonl") <(plain "$work/2.jsonl"); check $? "two replays give the same bytes but for event.id"
proofless() { grep '"vedette.alert"' "$1" | sed -E 's/,"vedette_sig":.*\}$/}/; s/"id":"[^"]*:[0-9]+",/"id":"",/'; }
cmp <(proofless "$work/1.log") <(proofless "$work/2.log"); check $? "so do two logs, but for vedette_sig"
sed -E 's/.*"message":"([^"]*)".*"rule":\{[^}]*"id":"([^"]*)".*/\2: \1/' "$work/1.jsonl" > "$work/said"
cat > "$work/want" <<'END'
shadow: cat of sh as root: success -
none-such: none-such
moved: /tmp/work/marked-1 /tmp/work/marked-2
shadow: cat of sh as tester: failure EACCES
created-then-removed: /tmp/work/d
END
diff <(sort "$work/said") <(sort "$work/want") | sed 's/^/# /'
cmp -s <(sort "$work/said") <(sort "$work/want"); check $? "the rules say of it what they said when it was recorded"
"$VEDETTE" replay --events --json $tape 2> /dev/null | grep -c '"vedette.event"' > "$work/out"
[ "$(cat "$work/out")" = 86 ]; check $? "all 86 events are read"
"$VEDETTE" replay --info $tape > "$work/out" 2> "$work/err"; check $? "--info ($(grep -c . "$work/out") lines)"
grep -q '^kernel     137 records produced, 137 delivered, 0 lost' "$work/out"; check $? "with the counts of the kernel side"
cat > "$work/asks.yaml" <<'END'
- rule: of-creators
  event: file.open
  when: "proc.aname[2] = no-such"
  severity: low
- rule: of-what-is-there
  event: file.open
  when: file.path = /none and not process.name = x
  severity: low
END
for how in "" --info; do
	"$VEDETTE" replay -q $how -r "$work/asks.yaml" $tape > /dev/null 2> "$work/err"
	[ $? -eq 0 ] && grep -q 'warning: the tape does not have creators: 1 rule asks for it.*(of-creators)' "$work/err" && [ "$(grep -c warning "$work/err")" -eq 1 ]
	check $? "a rule that asks for what an old tape does not have is named $how"
done
"$VEDETTE" replay -q -r "$work/rules.yaml" -o --help $tape > /dev/null 2> "$work/err"
[ $? -eq 125 ] && grep -q "not '--help'" "$work/err" && [ ! -e ./--help ]; check $? "an option is no file name for replay"
"$VEDETTE" record -o --help -- true > /dev/null 2> "$work/err"
[ $? -eq 125 ] && grep -q "./-NAME" "$work/err" && [ ! -e ./--help ]; check $? "nor for record"
for how in "replay --key-file -x $tape" "run --status -x -- true" "run --key-file --quiet -- true" "run -o -x -- true"; do
	"$VEDETTE" $how > /dev/null 2> "$work/err"
	[ $? -eq 125 ] && grep -q "./-NAME" "$work/err" && [ ! -e ./-x ]; check $? "nor for vedette $how"
done
"$VEDETTE" replay --info --json $tape > /dev/null 2> "$work/err"
[ $? -eq 125 ] && grep -q "text only" "$work/err"; check $? "--info is not given as something that it is not"
cat > "$work/waits.yaml" <<'END'
- rule: never-came
  severity: low
  absence: {within: 1h, by: [file.path], after: {event: file.open, when: file.path = /etc/shadow}, missing: {event: file.delete, when: true}}
END
"$VEDETTE" replay -r "$work/waits.yaml" -o "$work/waits.log" $tape > /dev/null 2> "$work/err"
[ $? -eq 0 ] && grep -q '1 waits of rules about several events not over at the end' "$work/err" && grep -q '"loss":{"count":1,"since":"[^"]*","what":"wait"}' "$work/waits.log"
check $? "a wait that is not over at the end is told, and counted in the log"
"$VEDETTE" verify --complete --key "$work/waits.log.pub" "$work/waits.log" > /dev/null; check $? "which verifies"
head -c 9000 $tape > "$work/torn"
"$VEDETTE" replay -q -r "$work/rules.yaml" "$work/torn" > /dev/null 2> "$work/err"
[ $? -eq 125 ] && grep -q 'ends within a block' "$work/err"; check $? "a torn one is told"
"$VEDETTE" replay -q -r "$work/rules.yaml" /dev/null > /dev/null 2> "$work/err"
[ $? -eq 125 ] && grep -q 'is no tape' "$work/err"; check $? "an empty file is no tape"
exit $bad
