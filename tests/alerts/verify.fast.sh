#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette verify` over several files, folders and agents; gaps; receipts. Logs are the samples of log_samples.c.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/s" "$work/f"
"$BUILD/tests/log_samples" "$work/s" || { echo "not ok - samples cannot be written"; exit 1; }
ends() { # ends STATUS WANTED TEXT WHAT: the status, and a text in the output
	if [ "$1" -eq "$2" ] && grep -q -- "$3" "$work/out"; then echo "ok - $4"; else echo "not ok - $4 (status $1)"; sed 's/^/# /' "$work/out"; fi
}
verify() { "$VEDETTE" verify "$@" > "$work/out" 2>&1; }
receipt() { "$VEDETTE" receipt "$@" > "$work/out" 2>&1; }
s=$work/s; key=$s/twice.key; log=$s/twice.sample
head -n 3 "$log" > "$work/f/zz"; sed -n 4,7p "$log" > "$work/f/mm"; tail -n +8 "$log" > "$work/f/aa"; cp "$key" "$work/f/aa.pub"; : > "$work/f/empty"

verify --complete --key "$key" "$work/f"; ends $? 0 "verified 11 records of stream .*/1 and of 1 before it, closed" "a folder, whatever its files are called"
verify --complete --key "$key" "$work/f/aa" "$work/f/zz" "$work/f/mm"; ends $? 0 "verified 11 records" "files in any order"
verify --key "$key" "$work/f/zz" "$work/f/aa"; ends $? 1 "aa:1: deleted: records 3 to 6 are missing before it, at the end" "a file that is missing"
verify --complete --key "$key" "$work/f/zz" "$work/f/mm"; ends $? 0 "verified 7 records" "the files of one stream"
for at in zz mm aa; do
	cp -r "$work/f" "$work/torn"; printf '{"event":"more"' >> "$work/torn/$at"
	verify --key "$key" "$work/torn"; ends $? 0 "open-ended after 11: .*$at: the last line is torn: 15 bytes" "bytes behind the last line of file $at are told"
	verify --complete --key "$key" "$work/torn"; ends $? 1 "$at: the last line is torn" "and refused with --complete"; rm -r "$work/torn"
done
verify --key "$key" "$work/f/mm" "$work/f/aa"; ends $? 1 "deleted: the log begins with record 3" "the first file is missing"
mkdir "$work/two"; cp "$log" "$work/two/a"; cp "$s/other-stream.sample" "$work/two/b"; cat "$key" "$s/other-stream.key" > "$work/both.key"
verify --complete --key "$work/both.key" "$work/two"; ends $? 0 "verified 7 records of stream .*1/0, closed" "two agents in a folder: the one"
ends 0 0 "verified 11 records of stream .*0/1 and of 1 before it, closed" "and the other"
verify --json --key "$work/both.key" "$work/two"; [ "$(wc -l < "$work/out")" -eq 2 ]; ends $? 0 '"streams":2' "a line of JSON for each"
sed -i '3s/test/tesd/' "$work/two/b"; verify --key "$work/both.key" "$work/two"; ends $? 1 "b:3: edited" "one of them edited"
echo hello > "$work/f/note"; verify --key "$key" "$work/f"; ends $? 1 "note:1: not a record" "a file in the folder that is no log"; rm "$work/f/note"
mkdir "$work/none"; verify --key "$key" "$work/none"; ends $? 1 "holds no log" "an empty folder"
cp -r "$work/f" "$work/p"; ln -s ../f/mm "$work/p/linked"; mkdir "$work/p/older"; mkfifo "$work/p/pipe"; ln -s nowhere "$work/p/$(printf 'a\033[2Jb')"
verify --key "$key" "$work/p"; ends $? 0 "^passed over: .*/p/linked: a symbolic link$" "a link in a folder is named, and not read"
ends 0 0 "verified 11 records" "and the rest judged"; ends 0 0 "^passed over: .*/p/older: a folder$" "a folder in a folder"; ends 0 0 "^passed over: .*/p/pipe: no file$" "a pipe in a folder"
ends 0 0 '^passed over: .*/p/a\\x1b\[2Jb: a symbolic link$' "a name that would move the cursor"
verify --complete --key "$key" "$work/p"; ends $? 1 "verified 11 records of stream .*/1 and of 1 before it, closed" "with --complete what is passed over is a fault"
verify --json --key "$key" "$work/p"; ends $? 0 '"passed_over":\[{"file":"[^"]*/p/a\\u001b\[2Jb","what":"a symbolic link"},{"file":"[^"]*/p/linked","what":"a symbolic link"},{"file":"[^"]*/p/older","what":"a folder"},{"file":"[^"]*/p/pipe","what":"no file"}\],"passed_over_left_out":0' "the same as JSON"
verify --json --complete --key "$key" "$work/f"; ends $? 0 '"passed_over":\[\],"passed_over_left_out":0' "empty files and files of keys are no fault"
"$VEDETTE" format --to cef --key "$key" "$work/p" 2>&1 > /dev/null | grep -c "^passed over" > "$work/out"; ends 0 0 "^4$" "format names them, too"
audit() { "$VEDETTE" audit report --from 2026-01-01 --to 2026-02-01 --key "$key" "$@" > "$work/out" 2>&1; }
audit --json "$work/p"; grep -q '"verified":true' "$work/out"; ends $? 0 '"passed_over":\[{"file":.*"what":"no file"}\],"passed_over_left_out":0' "the report has them"
audit "$work/p"; ends 0 0 "passed over: .*/p/linked: a symbolic link" "also as text"
"$VEDETTE" audit report --from 2026-01-01 --to 2026-02-01 --key "$key" "$work/f" 2> "$work/out" > /dev/full; ends $? 3 "the report cannot be written: No space left on device" "a full disk is told as such"
audit --complete "$work/f"; [ $? -ne 3 ]; ends $? 0 "Result: verified" "a folder with nothing else, with --complete"
audit --complete "$work/p"; ends $? 3 "NOT BUILT ON A VERIFIED LOG" "with --complete the report counts as not verified"
rm "$work/p"/[amz][amz]; verify --key "$key" "$work/p"; ends $? 1 "holds no log; .*, which is passed over in a folder: name it" "a folder of such alone"
mkdir "$work/many"; (cd "$work/many" && cp ../f/?? . && seq 1002 | xargs -I N ln -s x N); verify --key "$key" "$work/many"; ends $? 0 "^and 2 passed over more$" "the first 1000 of them are named"
rm -r "$work/p" "$work/many"
for way in "$work/f/zz" "$work/f/../f/zz" "$work/f"; do verify --key "$key" "$work/f/zz" "$work/f/mm" "$way"; ends $? 1 "is the same file as .*: its records would stand there twice" "a file given twice ($way)"; done
ln -s f/mm "$work/other"; verify --key "$key" "$work/f" "$work/other"; ends $? 1 "is the same file as" "a link to a file that is given"
cp "$work/f/aa" "$work/f/copy"; verify --key "$key" "$work/f"; ends $? 1 "copy:1: after the close: record 0 follows the stream's close, and stands before it, too" "a copy of a file"; rm "$work/f/copy"
cp "$log" "$work/once"; verify --key "$key" "$log" "$work/once"; ends $? 1 ":1: replayed: record 0 of stream .*/0 stands here again" "a copy of a log of two streams"
for with in gzip xz; do
	command -v $with > /dev/null || { echo "not ok - $with is needed"; continue; }
	$with -c "$work/f/mm" > "$work/f/mm.$with"
	verify --key "$key" "$work/f"; ends $? 1 "mm.$with: is compressed ($with): unpack it first" "a file compressed with $with"
	verify --key "$key" "$work/f/mm.$with"; ends $? 1 "is compressed ($with)" "alone"; rm "$work/f/mm.$with"
done
mkfifo "$work/fifo"
for pipe in - /dev/stdin "$work/fifo"; do
	timeout 20 "$VEDETTE" verify --key "$key" "$work/f/zz" "$pipe" < <(cat "$work/f/mm" "$work/f/aa") > "$work/out" 2>&1
	ends $? 1 "has to be the only input" "a pipe beside a file ($(basename "$pipe"))"
done
cat "$work/f/zz" "$work/f/mm" "$work/f/aa" | "$VEDETTE" verify --complete --key "$key" - > "$work/out" 2>&1; ends $? 0 "verified 11 records" "a pipe alone"
verify --key "$key" "$work/missing" "$work/f"; ends $? 1 "missing: cannot be read" "a file that is not there"

verify --key "$key" "$log"; ends $? 0 "gap: 2026-01-02T03:04:05.007000000Z to 2026-01-02T03:05:05.00[0-9]*Z (59.* s): stopped (test), stream .*/0 at 7" "a stop is a gap with its duration"
verify --key "$key" "$s/twice-open.sample"; ends $? 0 "gap: .* unclean end, stream .*/0 at 7" "an end without a close record is told"
ends 0 0 "open-ended after 11: 1 streams before the last one have no close record" "and leaves the log open-ended"
verify --complete --key "$key" "$s/twice-open.sample"; ends $? 1 "unclean end" "with --complete that is a failure"
tail -n 4 "$s/twice-open.sample" > "$work/later"; later="begins behind stream .*/0, which is not here"
verify --key "$s/twice-open.key" "$work/later"; ends $? 0 "$later" "a log that names a stream before it is told to begin behind it"
verify --complete --key "$s/twice-open.key" "$work/later"; ends $? 1 "its beginning is not here" "with --complete that is a failure"
verify --complete --from-middle --key "$s/twice-open.key" "$work/later"; ends $? 0 "$later" "and with --from-middle what was asked for"
verify --json --key "$s/twice-open.key" "$work/later"; ends $? 0 '"follows":"[0-9-]*/0".*"result":"open-ended"' "the same as JSON"
verify --json --key "$key" "$log"; ends $? 0 '"gaps":\[{"cause":"stopped","count":0,"from":"2026-01-02T03:04:05.007000000Z","next":7,"stream":"[0-9-]*/0","to":"[^"]*","what":"test"}\]' "gaps as JSON"
verify --since 2026-01-02T03:05:00Z --key "$key" "$log"; ends $? 0 "in that time: 4 records, 1 gaps" "--since"
verify --until 2026-01-02T03:04:30Z --key "$key" "$log"; ends $? 0 "in that time: 7 records, 1 gaps" "--until"
verify --since 2026-01-03 --key "$key" "$log"; ends $? 0 "in that time: 0 records, 0 gaps" "--since a later day"
verify --since 2026-01-02T03:04:05.000000002Z --key "$s/a.key" "$s/open-agent-again-closed.log"; ends $? 0 "in that time: 2 records, 1 gaps" "--since, and a clock that was set back"
verify --until 2026-01-02T03:04:05.000000001Z --key "$s/a.key" "$s/open-agent-again-closed.log"; ends $? 0 "in that time: 1 records, 1 gaps" "--until, and a clock that was set back"
verify --since 2026-01-03 --until 2026-01-02 --key "$key" "$log"; ends $? 2 "^vedette verify: --since 2026-01-03T00:00:00.000000000Z is later than --until 2026-01-02T" "a time that ends before it begins"
verify --since 2026-01-02T03:05:00Z --until 2026-01-02T03:05:00Z --key "$key" "$log"; ends $? 0 "in that time: 0 records, 1 gaps" "a moment"
verify --since yesterday --key "$key" "$log"; ends $? 2 "is no time" "a time that is none"
sed '3s/test/tesd/' "$log" > "$work/bad"; verify --since 2026-01-03 --key "$key" "$work/bad"; ends $? 1 "edited" "what was before --since is checked all the same"

receipt init --name "collect.example/1" --collector "$work/c"; ends $? 0 '^collect.example/1+[0-9a-f]\{8\}+[A-Za-z0-9+/]*=*$' "a collector's key"
cp "$work/out" "$work/c.pub"
[ "$(stat -c %a "$work/c")" = 600 ]; ends $? 0 . "its secret is its owner's alone"
receipt init --name x --collector "$work/c"; ends $? 1 "File exists" "no key is written over"
(trap '' XFSZ; ulimit -f 0; exec "$VEDETTE" receipt init --name x --collector "$work/half") 2>&1 | cat > "$work/out"; ends "${PIPESTATUS[0]}" 1 "half: File too large" "a key that cannot be written"
[ ! -e "$work/half" ]; ends $? 0 . "leaves no half of it"
cp "$work/c" "$work/open"; chmod 640 "$work/open"
receipt make --collector "$work/open" --key "$key" "$work/f"; ends $? 1 "open: holds a secret, and others may read or change it: chmod 600" "a collector's key that others may read is refused"
receipt make --collector "$work/nothing" --key "$key" "$work/f"; ends $? 1 "nothing: .*No such file" "one that is not there"
receipt make --collector "$work/c" --key "$key" "$work/f"; ends $? 0 "^vedette-receipt/v1 .*/1" "a receipt"; cp "$work/out" "$work/end"
receipt make --collector "$work/c" --key "$key" "$work/f/zz" "$work/f/mm"; cp "$work/out" "$work/first"; ends $? 0 "^7$" "one of the first stream"
receipt make --collector "$work/c" --key "$key" "$work/bad"; ends $? 1 "signature does not fit" "none for a log that does not verify"
with() { verify --key "$key" --receipt-key "$work/c.pub" "$@"; }
with --receipt "$work/end" --receipt "$work/first" "$log"; ends $? 0 "receipt .*end: reached: collect.example/1 had 4 records of stream .*/1" "a log reaches its receipts"
head -n 10 "$log" > "$work/cut"; with --receipt "$work/end" "$work/cut"; ends $? 1 "truncated: .*; the last 1 of them are missing" "a tail cut off is counted"
head -n 7 "$log" > "$work/cut"; with --receipt "$work/end" "$work/cut"; ends $? 1 "truncated: .*; that place is not in this log" "a whole stream cut off, at its close record"
head -n 4 "$log" > "$work/cut"; with --receipt "$work/end" --receipt "$work/first" "$work/cut"; ends $? 1 "first: truncated: .*; the last 3 of them are missing" "two receipts that are not reached"
! grep -q "no log of its agent" "$work/out"; ends $? 0 . "and both are of an agent whose log is here"
with --receipt "$work/end" "$s/twice-other.sample"; ends $? 1 "truncated\|chain broken" "another log than that of the receipt"
"$VEDETTE" verify --key "$work/both.key" --receipt-key "$work/c.pub" --receipt "$work/end" "$s/other-stream.sample" > "$work/out" 2>&1; ends $? 1 "no log of its agent is here" "the log of another agent"
with --json --receipt "$work/end" "$log"; ends $? 0 '"receipts":\[{"file":.*"result":"reached"' "receipts as JSON"
"$VEDETTE" verify --key "$key" --receipt "$work/end" "$log" > "$work/out" 2>&1; ends $? 1 "receipt-key is missing" "the collector's key is needed"
bad=0
for ((i = 0; i < $(stat -c %s "$work/end"); i++)); do
	{ head -c $i "$work/end"; head -c $((i + 1)) "$work/end" | tail -c 1 | tr '\0-\377' '\1-\377\0'; tail -c +$((i + 2)) "$work/end"; } > "$work/changed"
	with --receipt "$work/changed" "$log" && { bad=1; echo "# byte $i"; }
done
[ $bad -eq 0 ]; ends $? 0 . "every changed byte of a receipt is noticed"
