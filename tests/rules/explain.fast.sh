#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vedette explain: what it says of a rule, of one that fires, of one that does not, and of what it is not given.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}
dir=$BUILD/explain
rm -rf "$dir" && mkdir -p "$dir"
cat > "$dir/r.yaml" << 'YAML'
- macro: editor
  when: process.name in (vi, nano)
- rule: hosts
  event: file.open
  severity: low
  when: file.path = /etc/hosts and file.open.write and not editor
  exceptions:
    - name: provisioning
      when: process.executable = /usr/bin/ansible
  cases:
    - fires: {file.path: /etc/hosts, file.open.write: true}
    - quiet: {file.path: /etc/hosts, file.open.write: true, process.name: vi}
- rule: blocks
  event: process.exec
  severity: low
  action: block
  when: process.executable = /bin/bad
- rule: blocks-by
  event: process.exec
  severity: low
  action: block
  when: process.executable = /bin/bad and process.previous.executable = /bin/sh
  cases:
    - fires: {process.executable: /bin/sh, file.path: /bin/bad, vedette.verdict: block}
    - quiet: {process.executable: /bin/ash, file.path: /bin/bad, vedette.verdict: block}
- rule: refused-by-any
  event: process.exec
  severity: low
  when: process.executable = /bin/bad
- rule: cannot-block
  event: [process.exec, file.open]
  severity: low
  action: block
  when: process.executable = /bin/bad and process.args intersects (-x)
- rule: off
  title: Switched Off
  enabled: false
  event: file.open
  severity: low
  when: file.path = /etc/hosts
- rule: torn
  event: file.open
  severity: low
  when: file.path = /etc/hosts and process.name = a and process.name in (b, c)
- rule: many
  event: file.open
  severity: low
  when: file.path = /etc/hosts
  threshold: {count: 3, within: 1m}
  cases:
    - quiet:
        - {file.path: /etc/hosts, times: 2, every: 1s}
        - {file.path: /etc/passwd, at: 2s}
    - fires: {file.path: /etc/hosts, times: 3, every: 1s}
- rule: second
  severity: low
  sequence:
    within: 10s
    by: [user.name]
    steps:
      - {event: file.open, when: file.path = /a}
      - {event: file.open, when: file.path = /b}
  cases:
    - quiet: [{event: file.open, file.path: /a, user.name: u}, {event: file.open, file.path: /b, at: 1s}]
    - quiet: [{event: file.open, file.path: /a, user.name: u}, {event: file.open, file.path: /b, user.name: u, at: 11s}]
    - fires: [{event: file.open, file.path: /a, user.name: u}, {event: file.open, file.path: /b, user.name: u, at: 10s}]
- rule: gone
  severity: low
  absence:
    within: 5s
    after: {event: file.open, when: file.path = /a}
    missing: {event: file.open, when: file.path = /b}
  cases:
    - quiet: [{event: file.open, file.path: /a}, {event: file.open, file.path: /b, at: 1s}]
- rule: dated
  event: file.open
  severity: low
  when: file.path = /etc/hosts
  exceptions:
    - name: over
      when: process.name = vi
      expires: 2020-01-01
    - name: lasting
      when: process.name = nano
      expires: 2200-01-01
YAML
says() { # says TEXT STATUS ARGUMENT... : the output holds the text
	local text=$1 status=$2 out got
	shift 2
	out=$("$VEDETTE" explain -r "$dir/r.yaml" "$@" 2>&1 < "$dir/stdin")
	got=$?
	[ $got -eq "$status" ] && [[ $out == *"$text"* ]]
	result $? "explain $*: ${text%%$'\n'*}" "status $got: $out"
}
hosts='{"file.path":"/etc/hosts","file.open.write":true,"process.name":"cat","process.executable":"/bin/cat"}'
echo "$hosts" > "$dir/stdin"
cat > "$dir/sigma.yaml" << 'YAML'
title: Cat Was Run
id: 11111111-2222-4333-8444-555555555555
logsource: {product: linux, category: process_creation}
detection:
  selection: {Image|endswith: /cat, CommandLine|contains: secret}
  condition: selection
level: low
YAML
cat > "$dir/sigma_cases.yaml" << 'YAML'
- cases_for: 11111111-2222-4333-8444-555555555555
  cases:
    - fires: {Image: /usr/bin/cat, CommandLine: cat secret, User: root}
    - quiet: {Image: /usr/bin/cat, ParentImage: /bin/sh}
YAML
out=$("$VEDETTE" explain -r "$dir/sigma.yaml" "Cat Was Run" '{"Image": "/bin/cat", "CommandLine": "cat secret"}' 2>&1)
[ $? -eq 0 ] && [[ $out == *"It fires on this process.exec."*"process.executable is /bin/cat"* ]]
result $? "explain of a Sigma rule: by its title, with the names its author has for fields" "$out"
out=$("$VEDETTE" explain -r "$dir/sigma.yaml" "Cat Was Run" '{"Imag": "/bin/cat"}' 2>&1)
[ $? -eq 1 ] && [[ $out == *"process.exec has no field 'Imag'"*"did you mean 'Image'?"* ]]
result $? "and a suggestion among them" "$out"
out=$("$VEDETTE" test "$dir/sigma.yaml" "$dir/sigma_cases.yaml" 2>&1)
[ $? -eq 0 ] && [[ $out == "2 cases passed, 0 failed" ]]
result $? "cases of a Sigma rule may be written with those names" "$out"
printf '%s\n' '{"event":{"action":"file.open","dataset":"vedette.event"},"file":{"path":"/etc/passwd"},"agent":{"id":"x"}}' \
	'{"event":{"action":"process.exec","dataset":"vedette.event"},"process":{"executable":"/bin/bad"}}' > "$dir/log.jsonl"
says "macro editor: process.name in (vi, nano)" 0 hosts
says "not, by exception provisioning" 0 hosts
says "[user space" 0 hosts
says "[kernel, under --enforce" 0 blocks
says "it cannot block, and is refused under --enforce:
    $dir/r.yaml:34:43: rule cannot-block cannot block: process.args intersects (-x): arguments can be read when the image is in place" 0 cannot-block
says "[user space" 0 cannot-block
says "It fires on this file.open." 0 hosts "$hosts"
says "It would be quiet if this were other:
  $dir/r.yaml:6:9: file.path = /etc/hosts is true: file.path is /etc/hosts" 0 hosts "$hosts"
says "It does not fire on this file.open." 0 hosts case:2
says "It would fire if this were other:
  $dir/r.yaml:6:60: process.name in (vi, nano) is true: process.name is vi" 0 hosts case:2
says "It would fire if these were other:
  $dir/r.yaml:6:9: file.path = /etc/hosts is false: file.path is /etc/passwd
  $dir/r.yaml:6:36: file.open.write = true is false: file.open.write is false" 0 hosts "$dir/log.jsonl:1"
says "It does not fire: the rule is not about process.exec." 0 hosts "$dir/log.jsonl:2"
says "It fires on this process.exec." 0 blocks "$dir/log.jsonl:2"
refused='{"event":{"action":"process.exec","dataset":"vedette.alert"},"process":{"executable":"/bin/sh"},"file":{"path":"/bin/bad"},"vedette":{"verdict":"block"}}'
echo "$refused" >> "$dir/log.jsonl"
says "It fires on this process.exec.
The record of a refused exec is about the caller; the rule was asked, and is asked here, with the file that was to be executed" 0 blocks "$dir/log.jsonl:3"
says "process.previous.executable = /bin/sh   [kernel, under --enforce]   process.previous.executable is /bin/sh" 0 blocks-by "$dir/log.jsonl:3"
says "It fires on this process.exec." 0 blocks-by case:1
says "It does not fire on this process.exec." 0 blocks "${refused/'"/bin/bad"'/'"/bin/sh"'}"
says "It does not fire on this process.exec." 0 refused-by-any "$dir/log.jsonl:3"
says "It fires on this file.open." 0 hosts -
says "It fires on this file.open." 0 dated '{"file.path":"/etc/hosts","process.name":"vi"}'
says "@timestamp >= 2020-01-02   [user space" 0 dated '{"file.path":"/etc/hosts","process.name":"vi"}'
says "It does not fire on this file.open." 0 dated '{"file.path":"/etc/hosts","process.name":"nano"}'
says "It does not fire on this file.open." 0 dated '{"file.path":"/etc/hosts","process.name":"vi","@timestamp":"2020-01-01T23:59:59Z"}'
says "file.open: never evaluated: the rule is disabled" 0 off
says "rule off," 0 "Switched Off"
says "it cannot fire here: it needs values of your own
    it can never hold: process.name = a ($dir/r.yaml:" 0 torn
says "many#1" 0 many
says "It fires on this file.open." 0 'many#1' "$hosts"
says "The case, event by event:
  1. at 0s file.open, 2 times, every 1s
       the 1. time: many#1: 1 counted, 3 needed
       the 2. time: many#1: 2 counted, 3 needed
  2. at 2s file.open
       no part of the rule holds on it
It does not fire: at most 2 counted, 3 needed" 0 many case:1
says "It fires." 0 many case:2
says "       second#1: taken as step 1 of 2
  2. at 1s file.open
       second#2: left out: a field" 0 second case:1
says "It does not fire: it came to 1 of 2; missing: second#2" 0 second case:1
says "       second#2: not awaited: what stands before it has not come in its group and time" 0 second case:2
says "It fires." 0 second case:3
says "gone#1: the wait begins
  2. at 1s file.open
       gone#2: it came, and ends the wait
It does not fire: every wait was ended by what it waited for" 0 gone case:1
says "a step has no cases: ask for those of its rule, 'second'" 1 'second#1' case:1
says "ask for its steps, as 'many#1'" 1 many "$hosts"
says "no rule has the id 'host' (did you mean 'hosts'?)" 1 host
says "the rule has 2 cases, and none is 'case:3'" 1 hosts case:3
says "there is no such line" 1 hosts "$dir/log.jsonl:4"
says "No such file" 1 hosts "$dir/none:3"
says "has no field 'file.pth' (did you mean 'file.path'?)" 1 hosts '{"file.pth":"/x"}'
says "process.name is vi" 0 hosts '{"file.path":"/etc/hosts","proc.name":"vi"}'
says "proc.cmdline is worked out of other fields, and cannot be set: give process.args" 1 hosts '{"proc.cmdline":"x"}'
says "expected an event" 1 hosts nonsense
says "no option '--no-such'" 2 --no-such
cat > "$dir/sent.yaml" << 'YAML'
- rule: written
  event: file.open
  severity: low
  when: file.open.write and file.path endswith .conf
- rule: by-person
  event: [file.delete, process.exec]
  severity: low
  when: >-
    file.path = /x or
    user.name = anna
YAML
"$VEDETTE" explain --rules "$dir/sent.yaml" > "$dir/out" 2>&1 && diff "$dir/out" - << END
file.open: sent where its one rule may hold
  $dir/sent.yaml:1:3: written: file.open.write = true and end of file.name = *.conf
file.delete: all are sent, because of its 1 rule
  $dir/sent.yaml:10:5: by-person: the kernel cannot tell user.name = anna
always sent: process.exec
END
result $? "explain without a rule says what is sent, and which part of which rule costs it" "$(cat "$dir/out")"
wide() { # wide WHEN NEEDS: of a rule on file.open it is said that nearly all is sent
	printf -- '- {rule: wide, event: file.open, severity: low, when: "%s"}\n' "$1" > "$dir/wide.yaml"
	out=$("$VEDETTE" explain --rules "$dir/wide.yaml" wide 2>&1)
	[[ $out == *"the kernel sends nearly every such event because of this rule, which needs no more than: $2"* ]]
	result $? "explain of a rule that holds on nearly all: $1" "$out"
}
wide "file.path exists" "file.path exists"
wide "file.path startswith /" "file.path = /*"
wide "user.id >= 0" "user.id"
wide "file.open.read" "file.open.read = true"
wide "file.open.read and not file.path = /x" "file.open.read = true"
out=$("$VEDETTE" explain --rules "$dir/wide.yaml" 2>&1)
[[ $out == *"wide: nearly every one is sent because of this rule: file.open.read"* ]]
result $? "explain without a rule names it" "$out"
"$VEDETTE" check --cost "$dir/sent.yaml" > "$dir/out" 2>&1 && grep -q 'sent.yaml:10:5: by-person: the kernel cannot tell user.name = anna' "$dir/out"
result $? "check --cost names the rule that costs an event type" "$(cat "$dir/out")"
"$VEDETTE" explain --json --rules "$dir/sent.yaml" 2> "$dir/err" | python3 -c '
import json, sys
x = {e["event"]: e for e in json.load(sys.stdin)["events"]}
assert [x[n]["sent"] for n in ("file.open", "file.delete", "process.exec")] == ["approved", "all", "always"], x
assert x["file.delete"]["rules"][0]["not_told"] == "user.name = anna" and x["file.delete"]["rules"][0]["line"] == 10, x'
result $? "explain --json without a rule" "$(cat "$dir/err")"
"$VEDETTE" explain hosts > "$dir/out" 2>&1
[ $? -eq 2 ]
result $? "explain without rules is wrong use" "$(cat "$dir/out")"
"$VEDETTE" explain --json "$dir/r.yaml" second case:1 2> "$dir/err" | python3 -c '
import json, sys
x = json.load(sys.stdin)
assert x["fires"] is False and x["missing"].startswith("it came to 1 of 2"), x
assert [(e["event"], e["step"]) for e in x["events"]] == [(1, "second#1"), (2, "second#2")], x'
result $? "explain --json of a case of several events, the rules without --rules" "$(cat "$dir/err")"
"$VEDETTE" explain --json -r "$dir/r.yaml" hosts case:2 2> "$dir/err" | python3 -c '
import json, sys
x = json.load(sys.stdin)
assert x["fires"] is False and x["truth"] == "false" and x["rule"] == "hosts" and x["event"] == "file.open", x
assert [t["text"] for t in x["turns_on"]] == ["process.name in (vi, nano)"], x
assert x["turns_on"][0]["truth"] == "true"
tests = [n for n in x["condition"] if n["type"] == "test"]
assert [t["truth"] for t in tests] == ["true", "true", "true", "false"], tests
assert all(t["where"] == "user space" and isinstance(t["key"], bool) for t in tests)
assert x["condition"][0]["depth"] == 0 and x["evaluated"].keys() == {"file.open"}'
result $? "explain --json" "$(cat "$dir/err")"
exit $failed
