#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Falco's rules at the command line: the example of docs/falco.md, exit status, classes as text and as JSON, the default rules.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}
dir=$BUILD/falco
rm -rf "$dir" && mkdir -p "$dir"

awk '/^```yaml$/ { on = 1; next } /^```$/ { on = 0 } on' docs/falco.md > "$dir/example.yaml"
out=$("$VEDETTE" check "$dir/example.yaml" 2>&1)
[ "$out" = "Shell below a web server: full
1 rule in 1 file, no problems" ]
result $? "the example of docs/falco.md loads in full" "$out"

cat > "$dir/classes.yaml" <<'RULES'
- {rule: whole, desc: d, condition: evt.type=execve, output: o, priority: info}
- {rule: part, desc: d, condition: evt.type=execve and not container.image.id=x, output: o, priority: Error, enabled: false}
- rule: "other\x1b[31m"
  {desc: d, source: k8s_audit, condition: ka.verb=create, output: o, priority: info}
RULES
sed -i 's/^  {\(.*\)}$/  \1/; /^  desc/s/, /\n  /g' "$dir/classes.yaml"
out=$("$VEDETTE" check "$dir/classes.yaml" 2>&1)
[ $? -eq 0 ] && grep -qx "whole: full" <<< "$out" && grep -qx "part: partial (disabled)" <<< "$out" && grep -qxF 'other\x1b[31m: needs source k8s_audit' <<< "$out"
result $? "classes as text, control bytes shown" "$(cat -v <<< "$out")"
grep -qx "falco: 1 full, 1 partial, 1 that needs a source" <<< "$out" && grep -q "can never hold ($dir/classes.yaml:[0-9]*)" <<< "$out"
result $? "classes are counted, reasons name the file" "$out"
"$VEDETTE" check --json "$dir/classes.yaml" | python3 -c '
import json, sys
rules = json.load(sys.stdin)
got = [(r["rule"], r["class"], len(r["reasons"]), r["severity"], r["remarks"][0]["text"]) for r in rules]
want = [("whole", "full", 0, "info", "info"), ("part", "partial", 1, "high", "Error"), ("other\x1b[31m", "needs source k8s_audit", 1, "info", "info")]
sys.exit(0 if got == want else repr(got))'
result $? "classes as JSON: a list of rules"

printf -- '- {rule: r, desc: d, condition: proc.nam=a, output: o, priority: info}\n' > "$dir/bad.yaml"
out=$("$VEDETTE" check --json "$dir/bad.yaml" 2> "$dir/bad.err")
[ $? -eq 1 ] && [ "$out" = "[]" ] && grep -qF "bad.yaml:1:33: unknown field 'proc.nam'" "$dir/bad.err"
result $? "a fault ends with status 1 and an empty list" "$out $(cat "$dir/bad.err")"

corpora=${VEDETTE_CORPORA:-../shared/corpora}/falco
if [ -d "$corpora" ]; then
	"$VEDETTE" check --json "$corpora" 2> "$dir/default.err" | python3 -c '
import collections, json, sys
rules = json.load(sys.stdin)
classes = collections.Counter(r["class"].split(" ")[0] for r in rules)
bad = [r["rule"] for r in rules if (r["class"] == "full") != (r["reasons"] == []) or (r["class"].startswith("needs")) != (r["events"] == [])]
print(dict(classes))
sys.exit(not (len(rules) == 93 and classes["full"] + classes["partial"] >= 85 and not bad))' > "$dir/default.out"
	result $? "the default rules: $(cat "$dir/default.out")" "$(head -n 20 "$dir/default.err")"
else
	echo "ok - the default rules # SKIP corpora are not there"
fi
exit $failed
