#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette record`, `replay` and `run --tape` on this host, over their own commands only.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
[ "$(id -u)" -eq 0 ] || { echo "ok - vedette record # SKIP needs root"; exit 0; }
VEDETTE=$(realpath "$VEDETTE")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; fi; }
ends() { # ends GOT WANT TEXT WHAT: the status, and a text on standard error
	[ "$1" -eq "$2" ] && { [ -z "$3" ] || grep -q -- "$3" "$work/err"; }
	check $? "$4 (status $1)"
}
alerts() { grep '"dataset":"vedette.alert"' "$1"; }
# what two logs of the same events may differ in; of another run also the place in its log
without_proof() { alerts "$1" | sed -E 's/,"vedette_sig":.*\}$/}/; s/"id":"[^"]*:[0-9]+",/"id":"",/'; }
without_place() { without_proof "$1" | sed -E 's/"sequence":[0-9]+,//'; }

cat > "$work/rules.yaml" <<'END'
- rule: opens
  title: A marked file is opened
  event: file.open
  when: file.name startswith marked-
  severity: high
  message: "{process.executable} opens {file.path} as {user.name}: {event.outcome}"
- rule: starts
  title: A program is started by a shell
  event: process.exec
  when: process.parent.name = sh
  severity: low
END
cat > "$work/work.sh" <<'END'
cd "$1"
i=0
while [ $i -lt 40 ]; do echo x > marked-$i; cat marked-$i > /dev/null; i=$((i + 1)); done
cat marked-none 2> /dev/null
exit 3
END
R=$work/rules.yaml
"$VEDETTE" record -o "$work/a.tape" -- sh "$work/work.sh" "$work" 2> "$work/err"
ends $? 3 " 0 lost in the kernel, 0 not written" "record passes the command's status on and says what it has"
[ "$(stat -c %a "$work/a.tape")" = 600 ]; check $? "the tape is its owner's alone"
"$VEDETTE" record -o "$work/a.tape" -- true 2> "$work/err"; ends $? 125 "not overwritten" "a tape is not overwritten"
"$VEDETTE" record -o "$work/none/a.tape" -- true 2> "$work/err"; ends $? 125 "No such file" "a folder that is not there"
"$VEDETTE" record -q -o "$work/b.tape" --duration 300ms -- sleep 2 2> "$work/err"; ends $? 0 "no longer watched" "the time is up"
"$VEDETTE" record -q --force -o "$work/b.tape" -- true 2> "$work/err"; ends $? 0 "" "--force replaces"
"$VEDETTE" record -q -o - -- true 2> "$work/err" | "$VEDETTE" replay --info - > "$work/out" 2> "$work/err"; ends $? 0 "" "by way of a pipe"
grep -q process.exec "$work/out"; check $? "and the events are there"

for i in 1 2; do
	"$VEDETTE" replay -q -r "$R" -o "$work/$i.jsonl" "$work/a.tape" 2> "$work/err"; ends $? 0 "" "replay $i"
	"$VEDETTE" verify --complete --key "$work/$i.jsonl.pub" "$work/$i.jsonl" > /dev/null; check $? "its log verifies"
done
n=$(alerts "$work/1.jsonl" | wc -l)
[ "$n" -ge 121 ]; check $? "the rules hold: $n alerts"
cmp <(without_proof "$work/1.jsonl") <(without_proof "$work/2.jsonl"); check $? "two replays give the same alerts, byte for byte but signature and event.id"
! cmp -s "$work/1.jsonl" "$work/2.jsonl"; check $? "and are two streams"
"$VEDETTE" replay -r "$R" --json "$work/a.tape" > "$work/json" 2> /dev/null
cmp <(without_place "$work/1.jsonl") <(without_place "$work/json"); check $? "--json tells the same"
"$VEDETTE" replay --rules "$R" "$work/a.tape" > "$work/text" 2> /dev/null
[ "$(grep -c '^HIGH\|^LOW' "$work/text")" -eq "$n" ]; check $? "and so does the text"
"$VEDETTE" replay -q -r "$R" --fail-on high "$work/a.tape" 2> "$work/err"; ends $? 1 "" "--fail-on high"
"$VEDETTE" replay -q -r "$R" --fail-on critical "$work/a.tape" 2> "$work/err"; ends $? 0 "" "--fail-on critical"
"$VEDETTE" replay -q -r "$work/none" "$work/a.tape" 2> "$work/err"; ends $? 125 "No such file" "rules that are not there"
"$VEDETTE" replay -q -r "$R" "$work/none" 2> "$work/err"; ends $? 125 "No such file" "a tape that is not there"
"$VEDETTE" replay -q -r "$R" "$R" 2> "$work/err"; ends $? 125 "is no tape" "a file that is no tape"
"$VEDETTE" replay -q --events "$work/a.tape" 2> "$work/err" > "$work/out"; ends $? 0 "" "events without rules"
"$VEDETTE" replay --bench --json -r "$R" "$work/a.tape" 2> "$work/err" > "$work/out"; ends $? 0 "" "--bench"
grep -qE "\"matches\":$n,\"median_ns\":[0-9.]+,\"passes\":[0-9]+" "$work/out"; check $? "and it finds what a replay finds: $(cat "$work/out")"

# the live rules and the tape of the same events
"$VEDETTE" run -q -r "$R" -o "$work/live.jsonl" --tape "$work/live.tape" -- sh "$work/work.sh" "$work" 2> "$work/err"; ends $? 3 "" "run --tape"
"$VEDETTE" replay -q -r "$R" -o "$work/again.jsonl" "$work/live.tape" 2> "$work/err"; ends $? 0 "" "its replay"
[ "$(alerts "$work/live.jsonl" | wc -l)" -ge 121 ] && cmp <(without_place "$work/live.jsonl") <(without_place "$work/again.jsonl")
check $? "a replay raises the alerts of the run, byte for byte but signature and place in the log"

# what is asked of the table of processes only when a rule wants it: every such field, with programs that exec replaced among the creators
{
	n=0
	for field in proc.aname 'proc.aname[1]' 'proc.aname[2]' 'proc.aname[3]' 'proc.aname[4]' proc.aexe 'proc.aexe[2]' proc.aexepath 'proc.aexepath[2]' \
		proc.acmdline 'proc.acmdline[1]' 'proc.acmdline[3]' 'proc.apid[1]' 'proc.apid[3]' proc.apid proc.sname proc.sid.exe proc.sid.exepath \
		proc.pgid.name proc.pgid.exe proc.pgid.exepath proc.vpgid.name proc.loginshellid proc.ppid.ts proc.ppid.duration proc.pname proc.pexe \
		proc.pexepath proc.pcmdline; do
		n=$((n + 1))
		printf -- '- rule: has-%d\n  event: [file.open, process.exec]\n  when: "%s exists"\n  severity: low\n  message: "%s {%s}"\n' $n "$field" "$field" "$field"
	done
	for i in 1 2 3 4 5; do
		for name in sh timeout vedette env nice; do
			printf -- '- rule: %s-%d\n  event: file.open\n  when: "proc.aname[%d] = %s"\n  severity: low\n' $name $i $i $name
		done
	done
} > "$work/lazy.yaml"
cat > "$work/lazy.sh" <<'END'
cat "$1/marked-1" > /dev/null
timeout 10 sh -c "exec nice env sh -c 'cat $1/marked-2 > /dev/null; true'"
(sh -c "exec env cat $1/marked-3 > /dev/null") &
wait
END
"$VEDETTE" run -q -r "$work/lazy.yaml" -o "$work/lazy.jsonl" --tape "$work/lazy.tape" -- setsid -w env sh "$work/lazy.sh" "$work" 2> "$work/err"; ends $? 0 "" "a run with rules over creators"
"$VEDETTE" replay -q -r "$work/lazy.yaml" -o "$work/lazy2.jsonl" "$work/lazy.tape" 2> "$work/err"; ends $? 0 "" "its replay"
cmp <(without_place "$work/lazy.jsonl") <(without_place "$work/lazy2.jsonl"); check $? "a replay knows of the creators what the run knew: $(alerts "$work/lazy.jsonl" | wc -l) alerts"
raised=$(alerts "$work/lazy.jsonl" | grep -oE '"id":"has-[0-9]+"' | sort -u | wc -l)
[ "$raised" -eq 29 ]; check $? "and each field had a value there: $raised of 29"
alerts "$work/lazy.jsonl" | grep -qE '"id":"(timeout|vedette)-[1-5]"'; check $? "and creators were told from programs that exec replaced"

# a failed exec is told of its caller: Sigma's rules about new processes let it pass
mkdir "$work/odd place"; cp "$VEDETTE" "$work/odd place/starter"
cat > "$work/sigma.yml" <<END
title: From an odd place
id: 11111111-2222-4333-8444-555555555555
logsource: {product: linux, category: process_creation}
detection:
  selection: {Image|startswith: '$work/odd place/'}
  condition: selection
level: medium
END
PATH="/none-1:/none-2:$PATH" "$work/odd place/starter" run -q -r "$work/sigma.yml" -o "$work/failed.jsonl" --tape "$work/failed.tape" -- sh -c 'no-such; exec /none/such' 2> "$work/err"
ends $? 127 "" "a run whose execs fail, by way of PATH"
n=$("$VEDETTE" replay --events --json "$work/failed.tape" 2> /dev/null | grep '"action":"process.exec"' | grep -c '"errno":"ENOENT"')
[ "$n" -ge 3 ]; check $? "they are events: $n"
[ -s "$work/failed.jsonl" ] && ! alerts "$work/failed.jsonl" > /dev/null; check $? "and raise no rule about new processes"
[ -z "$("$VEDETTE" replay --json -r "$work/sigma.yml" "$work/failed.tape" 2> /dev/null)" ]; check $? "nor does a replay"
cp "$(type -P true)" "$work/odd place/true"
"$VEDETTE" run -q -r "$work/sigma.yml" -o "$work/odd.jsonl" -- "$work/odd place/true" 2> /dev/null; alerts "$work/odd.jsonl" > /dev/null; check $? "one that succeeds does"

# a recording that is killed, a tape that is damaged
"$VEDETTE" record -q -o "$work/c.tape" -- sh -c "sh $work/work.sh $work; sleep 30" 2> "$work/err" &
pid=$!
for ((i = 0; i < 100; i++)); do [ "$(stat -c %s "$work/c.tape" 2> /dev/null || echo 0)" -gt 15000 ] && break; sleep 0.1; done
child=$(pgrep -P $pid)
kill -KILL $pid $child; wait $pid 2> /dev/null
"$VEDETTE" replay -r "$R" --json "$work/c.tape" 2> "$work/err" > "$work/out"; ends $? 125 "has no end" "a killed recording is told"
[ "$(wc -l < "$work/out")" -ge 100 ]; check $? "and read as far as it goes: $(wc -l < "$work/out") alerts"
head -c $(($(stat -c %s "$work/a.tape") - 300)) "$work/a.tape" > "$work/torn.tape"
"$VEDETTE" replay -q -r "$R" "$work/torn.tape" 2> "$work/err"; ends $? 125 "ends within a block" "a torn tape is told"
cp "$work/a.tape" "$work/spoiled.tape"
printf '\0\0\0\0' | dd of="$work/spoiled.tape" bs=1 seek=12000 conv=notrunc 2> /dev/null
"$VEDETTE" replay -q -r "$R" "$work/spoiled.tape" 2> "$work/err"; ends $? 125 "damaged block at byte" "a damaged tape is told, with the place"
exit $bad
