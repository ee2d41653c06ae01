#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records in every format: the JSON ones fit their schemas, CEF is what liblognorm reads, LEEF what a strict reader of ours reads, and all lead
# back to the record. And `vedette format`, which converts only what verifies.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/golden" "$folder/signed" "$folder/cut"
"$BUILD/tests/test_format" --write "$folder/golden" && "$BUILD/tests/log_samples" "$folder" ||
	{ echo "not ok - samples cannot be written"; exit 1; }

formats="native ocsf cef leef falco otlp"
for f in $formats; do
	"$VEDETTE" format --to "$f" --key "$folder/a.key" "$folder/a.sample" > "$folder/signed/$f" 2> "$folder/err" ||
		{ echo "not ok - a log as $f: $(head -n 1 "$folder/err")"; exit 1; }
	[ "$f" = native ] || "$VEDETTE" format --to "$f" --unverified --max 8KiB "$folder/golden/native" > "$folder/cut/$f" 2> "$folder/err" ||
		{ echo "not ok - golden records as $f in 8 KiB: $(head -n 1 "$folder/err")"; exit 1; }
done
cmp -s "$folder/a.sample" "$folder/signed/native" && echo "ok - native is the log itself" || echo "not ok - native is not the log itself"
/usr/bin/python3 tests/formats/formats.py "$folder" || echo "not ok - formats.py ended with status $?"
/usr/bin/python3 tests/formats/samples.py || echo "not ok - samples.py ended with status $?"

# tells STATUS WHAT ERROR COMMAND...: its status, and what standard error has
tells() {
	local status=$1 what=$2 error=$3
	shift 3
	"$@" > "$folder/out" 2> "$folder/err"
	local got=$?
	if [ $got -eq "$status" ] && [[ $(cat "$folder/err") == *"$error"* ]]; then
		echo "ok - $what"
	else
		echo "not ok - $what: status $got, $(head -n 1 "$folder/err")"
	fi
}
sed '3s/"message":"/&x/' "$folder/a.sample" > "$folder/edited.log"
tells 1 "a line that was edited ends it" "edited.log:3: edited:" "$VEDETTE" format --to cef --key "$folder/a.key" "$folder/edited.log"
[ "$(wc -l < "$folder/out")" -eq 2 ] && echo "ok - what stands before it is printed" || echo "not ok - $(wc -l < "$folder/out") lines before it are printed"
tells 0 "with --unverified nobody asks" "" "$VEDETTE" format --to cef --unverified "$folder/edited.log"
tells 1 "a log that begins in its middle is refused" "format:" bash -c "tail -n +3 '$folder/a.sample' | '$VEDETTE' format --to cef --key '$folder/a.key' -"
head -c -7 "$folder/a.sample" > "$folder/torn.log"
tells 0 "a torn line is told" "the last line is torn" "$VEDETTE" format --to leef --key "$folder/a.key" "$folder/torn.log"
echo hello > "$folder/hello"
tells 1 "what is no record is refused" ":1: is no record" bash -c "'$VEDETTE' format --to ocsf --unverified - < '$folder/hello'"
tells 2 "an unknown format" "expected native, ocsf, cef, leef, falco or otlp" "$VEDETTE" format --to xml --unverified x
tells 2 "neither key nor --unverified" "--key KEYS is missing" "$VEDETTE" format --to cef "$folder/a.sample"
tells 2 "both" "exclude one another" "$VEDETTE" format --to cef --key k --unverified "$folder/a.sample"
tells 2 "no format" "--to FORMAT is missing" "$VEDETTE" format --unverified "$folder/a.sample"
tells 2 "a limit that is too small" "expected a size from 8KiB" "$VEDETTE" format --to cef --unverified --max 100 "$folder/a.sample"
tells 1 "an output that is full" "standard output cannot be written" bash -c "'$VEDETTE' format --to cef --unverified '$folder/a.sample' > /dev/full"
"$VEDETTE" format --to otlp --key "$folder/a.key" - < "$folder/a.sample" | cmp -s - "$folder/signed/otlp" && echo "ok - from standard input" ||
	echo "not ok - from standard input it is another output"
