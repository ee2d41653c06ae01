#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The documents against the program: the README's rules work and say what it shows, links lead somewhere, the manual pages name exactly the
# options and keys that there are, and format without a warning.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:?the program to test}"
failed=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/readme.XXXXXX")
trap 'rm -rf "$dir"' EXIT
result() { # result STATUS TEXT [DETAIL]
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; printf '%s\n' "${3:-}" | sed 's/^/# /'; failed=1; fi
}

# --- the README's rules ---------------------------------------------------------------------------------------------------
# Each ```yaml block, under the name that the sentence before it gives: `my.yaml`.
awk -v dir="$dir" '
	/^```yaml$/ { in_block = 1; file = dir "/" name; next }
	/^```$/ { in_block = 0; next }
	in_block { print > file; next }
	match($0, /`[a-z]+\.yaml`/) { name = substr($0, RSTART + 1, RLENGTH - 2) }' README.md
for f in my.yaml block.yaml; do
	out=$(cd "$dir" && "$VEDETTE" check "$f" 2>&1)
	[[ $out == *"1 rule in 1 file, no problems" ]]
	result $? "vedette check $f of the README: $out" "$out"
	out=$(cd "$dir" && "$VEDETTE" test "$f" 2>&1)
	[[ $out =~ ^[1-9][0-9]*\ cases?\ passed,\ 0\ failed$ ]]
	result $? "vedette test $f of the README: $out" "$out"
done
shown=$(sed -n '/^\$ build\/release\/vedette test my.yaml$/{n;p}' README.md)
out=$(cd "$dir" && "$VEDETTE" test my.yaml 2>&1)
[ -n "$shown" ] && [ "$shown" = "$out" ]
result $? "the README shows what vedette test prints" "shown: $shown, printed: $out"
sed 's/file\.path = /file.pth = /' "$dir/my.yaml" > "$dir/wrong.yaml"
out=$(cd "$dir" && mv wrong.yaml my.yaml && "$VEDETTE" check my.yaml 2>&1)
[ "$out" = "$(sed -n '/^my\.yaml:[0-9]/{p;n;p}' README.md)" ]
result $? "the README shows the fault as vedette check prints it" "$out"

# --- numbers that the README gives ----------------------------------------------------------------------------------------
detections=$("$VEDETTE" check --json rules | /usr/bin/python3 -c '
import json, sys
print(sum(r["action"] == "alert" for r in json.load(sys.stdin)))')
for f in README.md CHANGELOG.md; do
	[ "${detections:-0}" -gt 0 ] && grep -qE "\b$detections detection" "$f"
	result $? "$f counts $detections detections"
done

events=$("$VEDETTE" fields --json | /usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)["events"]))')
[ "${events:-0}" -gt 0 ] && [ "$(grep -cE "\b$events events" CHANGELOG.md)" -ge 2 ]
result $? "CHANGELOG.md counts $events events"

# --- sinks ------------------------------------------------------------------------------------------------------------------
missing=
keys=$(sed -nE 's/^SINK_OPTION\([^"]*"([a-z_.0-9]+)".*/\1/p' engine/config/sinks.def)
for key in $keys; do grep -qF "\`$key\`" docs/sinks.md || missing+=" $key"; done
[ -z "$missing" ] && [ "$(wc -l <<< "$keys")" -ge 30 ]
result $? "docs/sinks.md has each of the $(wc -l <<< "$keys") keys of a sink" "missing:$missing"

# --- losses -----------------------------------------------------------------------------------------------------------------
missing=
names=$(sed -nE 's/^\t\t\[MISC_.*$/&/p' engine/daemon/loss_names.c | grep -oE '"[a-z-]+"'
	grep -hoE 'tell_loss\(w, "[a-z-]+"|\.what = "(output|sink|wait|log-[a-z]+|gap-[a-z]+)"' engine/daemon/*.c alerts/*.c | grep -oE '"[a-z-]+"')
for name in $(tr -d '"' <<< "$names" | sort -u); do grep -qE "^\| [^|]*\`$name\`" docs/operations.md || missing+=" $name"; done
[ -z "$missing" ] && [ "$(wc -l <<< "$names")" -ge 16 ]
result $? "docs/operations.md says what each of $(sort -u <<< "$names" | wc -l) losses means" "missing:$missing"

# --- links ------------------------------------------------------------------------------------------------------------------
links=0 dead=
while IFS=: read -r file link; do
	target=${link%%#*} anchor=
	[[ $link == *#* ]] && anchor=${link#*#}
	links=$((links + 1))
	[ -z "$target" ] && target=${file##*/}
	path=$(dirname "$file")/$target
	if [ ! -e "$path" ]; then
		dead+="$file: $link"$'\n'
	elif [ -n "$anchor" ] && [[ $path == *.md ]]; then
		sed -nE 's/^#+ //p' "$path" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9_\n-' | grep -qxF -- "$anchor" || dead+="$file: $link (no such heading)"$'\n'
	fi
done < <(git ls-files --cached --others --exclude-standard '*.md' | while read -r f; do
	# code is not links
	awk '/^```/ { code = !code } !code { gsub(/`[^`]*`/, ""); print }' "$f" | grep -oE '\]\([^)]+\)' | sed -E "s|^\]\(|$f:|; s|\)$||"
done | grep -vE ':(https?|mailto):')
[ -z "$dead" ] && [ "$links" -ge 10 ]
result $? "$links relative links lead somewhere" "$dead"

# --- manual pages -------------------------------------------------------------------------------------------------------------
/usr/bin/python3 tests/docs/manual.py "$dir" || failed=1

if command -v man > /dev/null && command -v groff > /dev/null; then
	for f in docs/man/*; do
		out=$(LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$f" 2>&1 > /dev/null)
		[ -z "$out" ]
		result $? "$f formats without a warning" "$out"
	done
else
	echo "ok - manual pages format without a warning # SKIP man or groff is not installed"
fi
exit $failed
