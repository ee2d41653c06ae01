#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vedette convert, and the tables and rules of docs/sigma.md: what is printed loads, and statuses are those of the manual.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}
dir=$BUILD/convert
rm -rf "$dir"
mkdir -p "$dir"
awk -v dir="$dir" '/^```yaml$/ { n++; file = sprintf("%s/table-%02d.yaml", dir, n); next } /^```$/ { file = "" } file { print > file }' docs/sigma.md
cat > "$dir/rule.yml" <<'RULE'
title: Moved into place
id: 4b89abaa-99fe-4232-afdd-8f9aa4d20382
author: A. Author
license: MIT
level: high
references: [https://example.org/]
logsource: {product: linux, category: file_event}
detection:
  s: {TargetFilename|startswith: /etc/cron, Image|endswith: [/sh, /Bash]}
  condition: s
RULE
tables=("$dir"/table-*.yaml)
[ -s "${tables[0]}" ]
result $? "docs/sigma.md has ${#tables[@]} tables"
out=$("$VEDETTE" check "$dir" 2>&1) && [[ $out == *"no problems" ]]
result $? "they load with a rule" "$out"
"$VEDETTE" convert --from sigma "$dir" > "$dir.yaml" 2> "$dir.err" && [ ! -s "$dir.err" ]
result $? "convert prints, and has nothing to say" "$(cat "$dir.err")"
out=$("$VEDETTE" check "$dir.yaml" 2>&1) && [[ $out == *"1 rule in 1 file, no problems" ]]
result $? "what it prints loads" "$out"
for text in 'rule: 4b89abaa-99fe-4232-afdd-8f9aa4d20382' 'author: "A. Author"' 'license: "MIT"' 'event: \[file.create, file.rename\]' 'vedette.new_path istartswith /etc/cron'; do
	grep -q "$text" "$dir.yaml"
	result $? "it holds $text" "$(cat "$dir.yaml")"
done
expect() { # expect STATUS TEXT ARGUMENT...
	local want=$1 text=$2
	shift 2
	out=$("$VEDETTE" convert "$@" 2>&1)
	local got=$?
	[ "$got" -eq "$want" ] && [[ $out == *"$text"* ]]
	result $? "convert ${*/#*\//} ends with $want" "$got: $out"
}
expect 2 "no file or folder given"
mkdir -p "$dir/falco"
cat > "$dir/falco/f.yaml" << 'RULE'
- rule: Kept
  desc: d
  condition: evt.type = open and fd.name = /x and container.host_pid = true
  output: of %container.image.id
  priority: INFO
- rule: Partly
  desc: d
  condition: evt.type = execve and (proc.name = a or fd.name = /x)
  output: o
  priority: INFO
RULE
"$VEDETTE" convert "$dir/falco" > "$dir/falco.out" 2> "$dir/falco.err"
grep -q 'container.host_pid = true' "$dir/falco.out" && grep -q '{container.image.id}' "$dir/falco.out"
result $? "clauses and outputs over fields that no event has are kept" "$(cat "$dir/falco.out")"
grep -qF "f.yaml:8:54: warning: rule 'Partly': 'fd.name = /x' is written as 'false': no event of the rule has the field" "$dir/falco.err" &&
	grep -qF "f.yaml:6:3: warning: rule 'Partly' is not covered in full; its converted form is called so" "$dir/falco.err" &&
	grep -qF "# partial: not all that the author asked for is seen here" "$dir/falco.out" && [ "$(wc -l < "$dir/falco.err")" -eq 2 ]
result $? "what becomes false is told" "$(cat "$dir/falco.err")"
mv "$dir/falco.out" "$dir/falco/converted.yml" && rm "$dir/falco/f.yaml"
out=$("$VEDETTE" check "$dir/falco" 2>&1) && [[ $out == *"kept: needs source container metadata"* ]]
result $? "the class stays" "$out"
expect 2 "--from is falco or sigma" --from snort "$dir"
expect 1 "none was written for falco" --from falco "$dir"
expect 1 "none was written for another program" "$dir.yaml"
expect 1 "No such file" "$dir/missing.yml"
cat > "$dir/falco.yaml" <<'RULE'
- rule: shout
  desc: d
  condition: evt.type=openat and fd.name=/etc/x
  output: "%20proc.name %toupper(proc.name)"
  priority: NOTICE
RULE
cat > "$dir/ours.yaml" <<'RULE'
- override: shout
  append:
    exceptions: [{name: backup, when: process.name = tar, owner: "the \"ops\"", reason: nightly, expires: 2199-12-31}]
- cases_for: shout
  cases:
    - fires: {file.path: /etc/x, process.args: [a, "b: c"]}
    - quiet: {file.path: /etc/x, process.name: tar}
RULE
"$VEDETTE" convert "$dir/falco.yaml" "$dir/ours.yaml" > "$dir.lost.yaml" 2> "$dir.err"
result $? "a rule with an exception and cases of ours is converted" "$(cat "$dir.err")"
grep -qF 'message: "{falco.process.name:20} {toupper(falco.process.name)}"' "$dir.lost.yaml" || grep -qF 'message: "{proc.name:20} {toupper(proc.name)}"' "$dir.lost.yaml"
result $? "its message keeps functions and widths" "$(cat "$dir.lost.yaml")"
out=$("$VEDETTE" test "$dir.lost.yaml" 2>&1) && [[ $out == "2 cases passed, 0 failed" ]]
result $? "its cases are kept, and hold" "$out"
for text in 'name: "backup"' 'owner: "the \"ops\""' 'reason: "nightly"' 'expires: 2199-12-31'; do
	grep -qF -- "$text" "$dir.lost.yaml"
	result $? "its exception is kept: $text" "$(cat "$dir.lost.yaml")"
done
exit $failed
