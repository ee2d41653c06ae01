#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make demo: Vedette on real input. First on this host: a script of harmless suspicious acts under `vedette run` with the shipped rules, and a
# log that two programs verify. Then in a guest with Debian's 6.12 kernel: an exec that the kernel blocks.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${1:-build/release}
out=build/demo
mkdir -p "$out"
rm -f "$out"/*
passed=0 failed=0
title() { printf '\n== %s\n' "$1"; }
check() { if [ "$1" -eq 0 ]; then passed=$((passed + 1)); printf 'ok - %s\n' "$2"; else failed=$((failed + 1)); printf 'NOT OK - %s\n' "$2"; fi; }
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo > /dev/null || { echo "demo: watching processes needs root: run 'make demo' as root, or install sudo" >&2; exit 1; }
	as_root=(sudo)
fi

title "1. On this host: suspicious acts under 'vedette run' (it watches only this script and its children)"
"${as_root[@]}" "$B/vedette" run --output "$out/host.jsonl" -- sh tests/demo/acts.sh
check $? "the acts ran under the watch"
[ ${#as_root[@]} -eq 0 ] || "${as_root[@]}" chown "$(id -u):$(id -g)" "$out"/host.jsonl "$out"/host.jsonl.pub
rules=$(/usr/bin/python3 - "$out/host.jsonl" <<'P'
import json, sys
print(len({json.loads(l)["rule"]["id"] for l in open(sys.argv[1]) if '"rule":{' in l}))
P
)
[ "${rules:-0}" -ge 6 ]
check $? "$rules different rules fired (6 at least)"

title "2. The log proves itself: by vedette, and by 45 lines of Python that share no code with it"
"$B/vedette" verify --complete --key "$out/host.jsonl.pub" "$out/host.jsonl"
check $? "vedette verify accepts it"
/usr/bin/python3 docs/verify_log.py --complete "$out/host.jsonl.pub" "$out/host.jsonl"
check $? "the Python verifier accepts it"
sed '3s/root/toor/' "$out/host.jsonl" > "$out/edited.jsonl"
"$B/vedette" verify --key "$out/host.jsonl.pub" "$out/edited.jsonl" 2>&1
[ $? -eq 1 ]
check $? "an edited copy is refused, with the line"

title "3. In a guest with Debian's 6.12 kernel: a blocked exec (the first run downloads the kernel, 35 MB)"
tests/guest/guest --kernel 6.12 --timeout 180 --add docs/examples/blocking.yaml --get /tmp/guest.jsonl --get /tmp/guest.jsonl.pub --out "$out" -- tests/demo/guest.sh
check $? "the guest's kernel refused the program, and let the harmless one run"
"$B/vedette" verify --complete --key "$out/tmp/guest.jsonl.pub" "$out/tmp/guest.jsonl"
check $? "the guest's log verifies here"

printf '\nlogs: %s/host.jsonl, %s/tmp/guest.jsonl\n' "$out" "$out"
if [ "$failed" -eq 0 ]; then echo "demo: fine, $passed checks passed"; else echo "demo: FAILED, $failed of $((passed + failed)) checks"; exit 1; fi
