#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What check warns of, what it costs, and what the cases leave untried, as the commands show them.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}
dir=$BUILD/lint
rm -rf "$dir" && mkdir -p "$dir"
cat > "$dir/r.yaml" << 'YAML'
- list: unused
  items: [a]
- rule: never
  event: file.open
  severity: low
  when: file.path = /a and file.path = /b
- rule: wide
  event: file.open
  severity: high
  when: file.name regex ".*x"
  cases:
    - fires: {file.path: /ax}
- rule: narrow
  event: file.open
  severity: low
  when: user.id = 1 and file.name regex ".*x"
YAML
out=$("$VEDETTE" check "$dir/r.yaml" 2>&1)
[ $? -eq 0 ] && [[ $out == *"3 rules in 1 file, 3 warnings"* ]]
result $? "warnings do not fail a check" "$out"
for line in "r.yaml:1:9: warning: list 'unused' is never used" "r.yaml:6:28: warning: rule 'never': 'file.path = /b' can never hold together with" \
	"r.yaml:13:3: warning: rule 'narrow' adds nothing: rule 'wide' ("; do
	[[ $out == *"$line"* ]]
	result $? "check: $line" "$out"
done
out=$("$VEDETTE" check --cost "$dir/r.yaml" 2> "$dir/err")
[[ $(head -n 1 <<< "$out") == "costly     20  wide: no key, it is a regular expression without a fixed text of three bytes" ]] && [[ $out == *"cheap      21  narrow"* ]]
result $? "check --cost: the dearest first, with the reason" "$out"
"$VEDETTE" check --json "$dir/r.yaml" 2> "$dir/err" | python3 -c '
import json, sys
rules = {r["rule"]: r for r in json.load(sys.stdin)}
assert rules["wide"]["cost"] == {"rank": "costly", "units": 20, "reason": "is a regular expression without a fixed text of three bytes"}, rules["wide"]
assert rules["narrow"]["cost"]["rank"] == "cheap" and rules["wide"]["warnings"] == []
assert [(w["line"], w["column"]) for w in rules["never"]["warnings"]] == [(6, 28)], rules["never"]
assert "adds nothing" in rules["narrow"]["warnings"][0]["text"]'
result $? "check --json has cost and warnings" "$(cat "$dir/err")"
out=$("$VEDETTE" test --coverage "$dir/r.yaml" 2> "$dir/err")
[[ $out == *"r.yaml:10:9: wide: file.name regex .*x: never false"*"1 of 1 tests decide a case"*"1 case passed, 0 failed" ]]
result $? "test --coverage names what is untried" "$out"
"$VEDETTE" test --coverage --json "$dir/r.yaml" 2> "$dir/err" | python3 -c '
import json, sys
c = json.load(sys.stdin)["coverage"]
assert c["tests"] == 1 and c["decided"] == 1 and len(c["gaps"]) == 1, c
assert c["gaps"][0]["rule"] == "wide" and c["gaps"][0]["was_true"] and not c["gaps"][0]["was_false"], c'
result $? "test --coverage --json" "$(cat "$dir/err")"
"$VEDETTE" check --coverage "$dir/r.yaml" > "$dir/out" 2>&1
[ $? -eq 2 ]
result $? "check takes no --coverage" "$(cat "$dir/out")"
exit $failed
