#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The YAML in docs/rules.md: each block is a rule file that loads without a problem and whose cases pass; the operators, functions and
# keys that the page names are those that exist.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}
dir=$BUILD/docs-rules
rm -rf "$dir"
mkdir -p "$dir"
awk -v dir="$dir" '/^```yaml$/ { n++; file = sprintf("%s/block-%02d.yaml", dir, n); next } /^```$/ { file = "" } file { print > file }' docs/rules.md
blocks=("$dir"/block-*.yaml)
[ "${#blocks[@]}" -ge 5 ]
result $? "docs/rules.md has ${#blocks[@]} YAML blocks"
for block in "${blocks[@]}"; do
	out=$("$VEDETTE" check "$block" 2>&1) && [[ $out == *"no problems" ]]
	result $? "${block##*/} loads" "$out"
	out=$("$VEDETTE" test "$block" 2>&1) && [[ $out =~ ^[1-9][0-9]*\ cases\ passed,\ 0\ failed$ ]]
	result $? "${block##*/}: $(head -n 1 <<< "$out")" "$out"
done
missing=()
while read -r op; do
	grep -qF "\`$op" docs/rules.md || grep -qF "$op\`" docs/rules.md || missing+=("$op")
done < <(sed -n 's/^OPERATOR([A-Z0-9]*, "\([^"]*\)".*/\1/p; s/^TRANSFORMER("\([^"]*\)".*/\1(/p' engine/rules/ops.def engine/rules/transformers.def)
[ ${#missing[@]} -eq 0 ]
result $? "every operator and function is documented" "${missing[*]}"
missing=()
while read -r key; do grep -qF "\`$key\`" docs/rules.md || missing+=("$key"); done < <(sed -n 's/^RULE_KEY("\([a-z_]*\)".*/\1/p; s/^KEY([A-Z_]*, "\([a-z_]*\)".*/\1/p; s/^PART([A-Z_]*, "\([a-z_]\{1,\}\)".*/\1/p' engine/rules/keys.def)
[ ${#missing[@]} -eq 0 ]
result $? "every key of a rule is documented" "${missing[*]}"
exit $failed
