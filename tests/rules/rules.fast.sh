#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The rules that ship: they load without a problem, their cases pass, and each has one that fires and one that does not.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}

out=$("$VEDETTE" check rules 2>&1)
[[ $out =~ ^[0-9]+\ rules\ in\ [0-9]+\ files,\ no\ problems$ ]]
result $? "vedette check rules: $out" "$out"

out=$("$VEDETTE" test rules 2>&1)
[[ $out =~ ^[1-9][0-9]*\ cases?\ passed,\ 0\ failed$ ]]
result $? "vedette test rules: $out" "$out"

# Facts about the set, from the machine-readable form.
facts=$("$VEDETTE" check --json rules | python3 -c '
import collections, glob, json, sys
import yaml
rules = json.load(sys.stdin)
print("count", len(rules))
print("tactics", len({r["file"].split("/")[1] for r in rules}))
print("without-attack", sum(not r["attack"] for r in rules))
print("covered", sum(r["class"] == "full" and r["reasons"] == [] and r["rule"] == r["id"] for r in rules))
print("blocking", sum(r["action"] != "alert" for r in rules))
bad = []
for path in glob.glob("rules/**/*.yaml", recursive=True):
    for item in yaml.safe_load(open(path)):
        if "rule" in item:
            kinds = {k for c in item.get("cases", []) for k in c if k in ("fires", "quiet")}
            if kinds != {"fires", "quiet"} or "message" not in item:
                bad.append(item["rule"])
print("incomplete", " ".join(bad) or "none")')
value() { sed -n "s/^$1 //p" <<< "$facts"; }
[ "$(value count)" -ge 14 ] && [ "$(value tactics)" -ge 8 ]
result $? "$(value count) rules in $(value tactics) folders" "$facts"
[ "$(value without-attack)" = 0 ]
result $? "every rule names ATT&CK techniques" "$facts"
[ "$(value covered)" = "$(value count)" ]
result $? "every rule is covered in full" "$facts"
[ "$(value blocking)" = 0 ]
result $? "no rule of the folder blocks" "$facts"
for example in docs/examples/*.yaml; do
	[[ $example == */prometheus-* ]] && continue # rules of another program: tests/daemon/metrics.host.sh
	out=$("$VEDETTE" check "$example" 2>&1) && [[ $out == *"no problems" ]] && out=$("$VEDETTE" test "$example" 2>&1) && [[ $out =~ ^[1-9][0-9]*\ cases?\ passed,\ 0\ failed$ ]]
	result $? "$example loads by its name, its cases pass" "$out"
done
[ "$(value incomplete)" = none ]
result $? "every rule has a message, a case that fires and a near miss" "$facts"

# The commands' exit status.
status() { local want=$1 got; shift; "$VEDETTE" "$@" > "$BUILD/rules.out" 2>&1; got=$?; [ $got -eq "$want" ]; result $? "exit status $want: vedette $*" "got $got: $(cat "$BUILD/rules.out")"; }
bad=$BUILD/rules-bad.yaml
printf -- '- rule: r\n  event: file.open\n  severity: low\n  when: file.pth = /x\n' > "$bad"
status 1 check "$bad"
grep -qF "rules-bad.yaml:4:9: unknown field 'file.pth' (did you mean 'file.path'?)" "$BUILD/rules.out"
result $? "a fault comes with file, line and column" "$(cat "$BUILD/rules.out")"
printf -- '- rule: r\n  event: file.open\n  severity: low\n  when: file.path = /x\n  cases:\n    - quiet: {file.path: /x}\n' > "$bad"
status 0 check "$bad"
status 1 test "$bad"
status 1 check /nonexistent

printf -- '- rule: r\n  event: file.open\n  severity: low\n  action: block\n  when: file.path endswith .key and user.id = 0\n' > "$bad"
status 1 check "$bad"
grep -qF "rules-bad.yaml:5:9: rule r cannot block: file.path endswith .key: the kernel compares texts with = != in intersects startswith pmatch only" "$BUILD/rules.out"
result $? "a rule that blocks by what the kernel cannot decide is an error of check" "$(cat "$BUILD/rules.out")"
[ "$("$VEDETTE" check --json "$bad" 2> /dev/null | python3 -c 'import json, sys; r = json.load(sys.stdin)[0]; print(r["blocks"], len(r["blocks_not"]))')" = "False 1" ]
result $? "and check --json says why"
status 0 check docs/examples/allow.yaml
grep -qF "3 rules block (3 of them in policies that only detect): " "$BUILD/rules.out"
result $? "check says what the rules that block come to" "$(cat "$BUILD/rules.out")"

# A load that would watch for nothing.
dir=$BUILD/rules-empty
rm -rf "$dir" && mkdir -p "$dir"
status 1 check "$dir"
grep -qF "no .yaml or .yml file in '$dir'" "$BUILD/rules.out"
result $? "an empty folder is refused" "$(cat "$BUILD/rules.out")"
cp rules/common.yaml "$dir/my.yaml.bak"
status 1 check "$dir"
status 1 check rules "$dir"
echo "# nothing" > "$dir/a.yaml"
status 0 check "$dir"
grep -qF "a.yaml: warning: no rules in this file" "$BUILD/rules.out" && grep -qxF "0 rules in 1 file, 1 warning" "$BUILD/rules.out"
result $? "a file without rules is warned of" "$(cat "$BUILD/rules.out")"

# Names and output that do not fit a terminal or a disk.
name=$dir/$'a\e[31m\n.yaml'
echo "- what" > "$name"
status 1 check "$name"
grep -qF 'a\x1b[31m\x0a.yaml:1:3: ' "$BUILD/rules.out"
result $? "control bytes of a file's name are shown as \\xHH" "$(cat -v "$BUILD/rules.out")"
for command in "check rules" "check --json rules" "test rules" "test --json rules"; do
	said=$("$VEDETTE" $command 2>&1 > /dev/full)
	[ $? -eq 1 ] && [[ $said == *"cannot write the output"* ]]
	result $? "vedette $command on a full disk: $said" "$said"
done
status 2 check
status 2 test --nonsense rules
status 2 fields a b
status 1 fields no.such.
status 1 fields file.opn
grep -qF "(did you mean 'file.open'?)" "$BUILD/rules.out"
result $? "fields suggests a near name" "$(cat "$BUILD/rules.out")"
status 0 fields
status 0 fields file.open
status 0 check --help
"$VEDETTE" fields --json destination. | python3 -c 'import json,sys; f=json.load(sys.stdin)["fields"]; sys.exit(not ({"destination.ip","destination.port"} <= {x["name"] for x in f}))'
result $? "fields --json lists fields by prefix"
odd=$BUILD/rules-odd
rm -rf "$odd" && mkdir -p "$odd"
printf -- '- {rule: r, event: file.open, severity: low, when: file.path = /x}\n' > "$odd/one.yaml"
cp "$odd/one.yaml" "$odd/two.YAML"
ln -s nowhere "$odd/z.yaml"
ln -s nowhere "$odd/other"
mkfifo "$odd/y.yml"
out=$("$VEDETTE" check -r "$odd" 2>&1)
got=$?
[ $got -eq 0 ] && [[ $out == *"two.YAML: warning: is passed over: files of rules end in .yaml or .yml, in small letters"* &&
	$out == *"z.yaml: warning: is passed over: a link that leads nowhere"* && $out == *"y.yml: warning: is passed over: no regular file"* && $out != *other* ]]
result $? "files of a folder that are passed over are named" "status $got: $out"
printf -- '- {rule: r, event: file.open, severity: low, when: file.pth = /x}\n' > "$odd/one.yaml"
out=$("$VEDETTE" check --json "$odd/one.yaml" 2> "$odd/err")
got=$?
[ $got -eq 1 ] && [[ $out == "[]" ]] && grep -q "1 error: no rule was judged, so the list is empty" "$odd/err"
result $? "check --json of faults: an empty list, and a word why" "status $got: $out $(cat "$odd/err")"
out=$("$VEDETTE" check - < rules/common.yaml 2>&1) && [[ $out == *" in 1 file, "* ]]
result $? "check - reads standard input" "$out"
out=$("$VEDETTE" check - < "$odd/one.yaml" 2>&1)
[ $? -eq 1 ] && [[ $out == "-:1:52: unknown field 'file.pth'"* ]]
result $? "and names it so" "$out"
printf -- '- {rule: r, event: file.open, severity: low, when: file.path = x}\n' > "$odd/quiet.yaml"
out=$("$VEDETTE" check "$odd/quiet.yaml" 2>&1) && [[ $out == *warning* ]] && out=$("$VEDETTE" check -q "$odd/quiet.yaml" 2>&1) && [ -z "$out" ]
result $? "check --quiet of rules without errors says nothing" "$out"
out=$("$VEDETTE" check -q "$odd/one.yaml" 2>&1)
[ $? -eq 1 ] && [[ $out == *"unknown field 'file.pth'"* && $(wc -l <<< "$out") -eq 1 ]]
result $? "and tells errors alone" "$out"
out=$("$VEDETTE" test -q rules 2>&1) && [ -z "$out" ]
result $? "test --quiet of cases that pass says nothing" "$out"
mkdir "$odd/sigma"
printf 'title: N\nid: n\nlogsource: {category: network_connection, product: linux}\ndetection:\n  s: {Initiated: true, DestinationPort: 8}\n  condition: s\n' > "$odd/sigma/n.yml"
printf -- '- cases_for: n\n  cases:\n    - fires: {event: network.connect, Initiated: "TRUE", DestinationPort: "8"}\n    - {event: network.connect, quiet: {DestinationPort: 9}}\n' > "$odd/sigma/c.yaml"
out=$("$VEDETTE" test "$odd/sigma" 2>&1) && [[ $out == "2 cases passed, 0 failed" ]]
result $? "a case may say what the log source says, and its event among its fields" "$out"
printf -- '- cases_for: n\n  cases: [{event: network.connect, quiet: {Initiated: false}}]\n' > "$odd/sigma/c.yaml"
out=$("$VEDETTE" test "$odd/sigma" 2>&1)
[ $? -eq 1 ] && [[ $out == *"case: 'Initiated' is 'true' in all events of this kind"* ]]
result $? "but nothing else" "$out"
out=$("$VEDETTE" explain -r "$odd/sigma/n.yml" n '{"event": "network.connect", "Initiated": true, "DestinationPort": 8}' 2>&1) && [[ $out == *"It fires on this network.connect"* ]]
result $? "explain takes such an event as well" "$out"
exit $failed
