#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A local file changes the rules that ship: what check shows of it, and the digest.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}
dir=$BUILD/overrides
rm -rf "$dir" && mkdir -p "$dir/sub"
cat > "$dir/local.yaml" << 'YAML'
- override: setuid-bit-set
  severity: low
  append:
    exceptions:
      - name: old
        when: process.name = ours
        owner: platform team
        expires: 2020-02-29
- override: setuid-bit-set
  throttle: {count: 3, per: 1m, by: process.executable}
YAML
out=$("$VEDETTE" check rules "$dir/local.yaml" 2> "$dir/err")
[ $? -eq 0 ] && [[ $out == *"local.yaml:1:3: rule 'setuid-bit-set' is overridden: severity, append exceptions"* ]] &&
	[[ $out == *"local.yaml:9:3: rule 'setuid-bit-set' is overridden: throttle"* ]]
result $? "check shows what is overridden, and where" "$out"
grep -qF "local.yaml:5:9: warning: exception 'old' of rule 'setuid-bit-set' has expired: its last day was 2020-02-29, its owner is 'platform team'" "$dir/err"
result $? "an expired exception warns with owner and place" "$(cat "$dir/err")"
"$VEDETTE" check --json rules "$dir/local.yaml" 2> "$dir/err" | python3 -c '
import json, sys
data = json.load(sys.stdin)
rules = data if isinstance(data, list) else data["rules"]
one = [r for r in rules if r.get("id", r.get("rule")) == "setuid-bit-set"][0]
assert [o["keys"] for o in one["overrides"]] == ["throttle", "severity, append exceptions"], one
assert [o["line"] for o in one["overrides"]] == [9, 1], one
assert one["severity"] == "low", one
assert sum(bool(r["overrides"]) for r in rules) == 1'
result $? "check --json lists them" "$(cat "$dir/err")"
echo '- {override: setuid-bit-st, severity: low}' > "$dir/bad.yaml"
out=$("$VEDETTE" check rules "$dir/bad.yaml" 2>&1)
[ $? -eq 1 ] && [[ $out == *"bad.yaml:1:14: override: no rule has the id 'setuid-bit-st' (did you mean 'setuid-bit-set'?)"* ]]
result $? "an override of no rule is a fault, with a suggestion" "$out"
out=$("$VEDETTE" test rules "$dir/local.yaml" 2>&1) && [[ $out == *" 0 failed"* ]]
result $? "the shipped cases hold with the overrides" "$out"

# Rules that say what is allowed.
cat > "$dir/allow.yaml" << 'YAML'
- rule: y
  event: file.open
  severity: high
  action: block
  scope: process.executable = /bin/y
  allow: [file.path = /a, file.path = /b]
- rule: plain
  event: file.open
  severity: high
  action: block
  when: file.path = /a
YAML
allows() { # allows WHAT OVERRIDE CASE... : with the override, the rule's cases come out so
	local what=$1
	printf '%s\n' "$2" > "$dir/more.yaml"
	printf -- '- cases_for: y\n  cases:\n' > "$dir/cases.yaml"
	shift 2
	for one in "$@"; do
		printf '    - %s: {process.executable: %s, file.path: %s}\n' $one >> "$dir/cases.yaml"
	done
	out=$("$VEDETTE" test "$dir/allow.yaml" "$dir/more.yaml" "$dir/cases.yaml" 2>&1) && [[ $out == *" 0 failed"* ]]
	result $? "an override of an allow-list: $what" "$out"
}
allows "append adds" '- {override: y, append: {allow: [file.path = /c]}}' "quiet /bin/y /a" "quiet /bin/y /b" "quiet /bin/y /c" "fires /bin/y /d" "quiet /bin/z /c"
allows "twice, with 'and' between" '- {override: y, append: {allow: [file.path = /c], and: user.id = 0}}
- {override: y, append: {allow: [file.path = /d, file.path = /e]}}' "quiet /bin/y /a" "quiet /bin/y /c" "quiet /bin/y /e" "fires /bin/y /f"
allows "allow replaces" '- {override: y, allow: [file.path = /c]}' "fires /bin/y /a" "quiet /bin/y /c" "quiet /bin/z /a"
allows "an empty list allows nothing" '- {override: y, allow: []}' "fires /bin/y /a" "quiet /bin/z /a"
allows "scope replaces" '- {override: y, scope: process.executable = /bin/z}' "quiet /bin/y /d" "fires /bin/z /d" "quiet /bin/z /a"
allows "when replaces both" '- {override: y, when: file.path = /a}' "fires /bin/y /a" "quiet /bin/y /d"
refuses() { # refuses WHAT OVERRIDE TEXT
	printf '%s\n' "$2" > "$dir/more.yaml"
	out=$("$VEDETTE" check "$dir/allow.yaml" "$dir/more.yaml" 2>&1)
	[ $? -eq 1 ] && [[ $out == *"$3"* ]]
	result $? "refused: $1" "$out"
}
refuses "'or' beside an allow-list" '- {override: y, append: {or: file.path = /z}}' "more.yaml:1:30: override: 'or' would make rule 'y' hold outside of its scope: add to 'allow'"
refuses "'allow' for a rule without scope" '- {override: plain, append: {allow: [file.path = /c]}}' "rule 'plain' has no 'scope' and 'allow': except what is meant"
refuses "'allow' that is no list" '- {override: y, append: {allow: file.path = /c}}' "allow: expected a list of conditions"
refuses "'allow' with a fault" '- {override: y, append: {allow: [file.pth = /c]}}' "unknown field 'file.pth'"

# Rules of other formats, by their own ids.
cat > "$dir/falco.yaml" << 'YAML'
- rule: Cat Was Run
  desc: an example
  condition: evt.type = execve and proc.name = cat
  output: cat was run (command=%proc.cmdline)
  priority: WARNING
YAML
cat > "$dir/sigma.yaml" << 'YAML'
title: Cat Was Run
id: 11111111-2222-4333-8444-555555555555
logsource: {category: process_creation, product: linux}
detection:
  selection: {Image|endswith: /cat}
  condition: selection
level: low
YAML
for id in "Cat Was Run:falco" 11111111-2222-4333-8444-555555555555:sigma; do
	cat > "$dir/import.yaml" << YAML
- override: ${id%:*}
  severity: critical
  append:
    exceptions: [{name: ours, when: process.parent.name = ours}]
- cases_for: ${id%:*}
  cases:
    - {event: process.exec, fires: {process.executable: /usr/bin/cat, process.name: cat, process.args: [cat]}}
    - {event: process.exec, quiet: {process.executable: /usr/bin/cat, process.name: cat, process.args: [cat], process.parent.name: ours}}
YAML
	out=$("$VEDETTE" check "$dir/${id#*:}.yaml" "$dir/import.yaml" 2>&1)
	[ $? -eq 0 ] && [[ $out == *"rule '${id%:*}' is overridden: severity, append exceptions"* ]]
	result $? "an override of a rule of ${id#*:}" "$out"
	out=$("$VEDETTE" test "$dir/${id#*:}.yaml" "$dir/import.yaml" 2>&1) && [[ $out == "2 cases passed, 0 failed" ]]
	result $? "cases and an exception for a rule of ${id#*:}" "$out"
done
cat > "$dir/names.yaml" << 'YAML'
- {list: cats, items: [cat, tac]}
- {macro: is_cat, condition: proc.name in (cats)}
- {rule: By Macro, desc: d, condition: evt.type = execve and is_cat, output: o, priority: INFO}
YAML
printf '%s\n' '- {override_macro: is_cat, append: {or: process.name = zcat}}' '- {override_list: cats, append: [zcat]}' > "$dir/change.yaml"
out=$("$VEDETTE" check "$dir/names.yaml" "$dir/change.yaml" 2>&1)
[ $? -eq 1 ] && [[ $out == *"change.yaml:1:20: override_macro: 'is_cat' stands in a Falco file"*"- {macro: NAME, condition: or ..., override: {condition: append}}"* ]] &&
	[[ $out == *"change.yaml:2:19: override_list: 'cats' stands in a Falco file"* ]]
result $? "lists and macros of Falco's: what to write instead of an override of ours" "$out"
printf '%s\n' '- {macro: is_cat, condition: or proc.name = zcat, override: {condition: append}}' '- {list: cats, items: [zcat], override: {items: append}}' > "$dir/change.yaml"
out=$("$VEDETTE" check "$dir/names.yaml" "$dir/change.yaml" 2>&1)
result $? "and that works" "$out"
exit $failed
