#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette keys` where no daemon is needed.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
ends() { # ends STATUS WANTED TEXT WHAT: the status, and a text in the output
	if [ "$1" -eq "$2" ] && grep -q -- "$3" "$work/out"; then echo "ok - $4"; else echo "not ok - $4"; sed 's/^/# /' "$work/out"; fi
}
keys() { "$VEDETTE" keys "$@" > "$work/out" 2>&1; }
keys show --folder "$work/a"; ends $? 1 "keys init" "no agent: it says how to make one"
keys init --folder "$work/a"; ends $? 0 '^vedette-key/v1 [0-9a-f-]*/0 0 [A-Za-z0-9+/]*=$' "an agent is made, and its public key printed"
cp "$work/out" "$work/first"
keys show --folder "$work/a"; cmp -s "$work/out" "$work/first"; ends $? 0 vedette-key "show prints the same"
keys show --json --folder "$work/a"; ends $? 0 '"epoch":0,"fingerprint":"[0-9a-f]\{64\}"' "show as JSON"
secret=$(sed -n 's/^secret //p' "$work/a/agent")
[ ${#secret} -eq 44 ]; ends $? 0 . "the secret is in the file"
grep -qF "$secret" "$work/out" "$work/first"; ends $? 1 . "and nowhere else"
keys init --folder "$work/a"; ends $? 1 "holds an agent already" "no agent is made over another"
keys init; ends $? 2 "--folder FOLDER is missing" "a folder is needed"
keys; ends $? 2 "init, show and roll" "a verb is needed"
keys roll --control "$work/none"; ends $? 1 "does it run" "no daemon to roll"
chmod 0777 "$work/a"; keys show --folder "$work/a"; ends $? 1 "others may change this folder" "a folder that others may change is refused"; chmod 0700 "$work/a"
sed -i 's/^epoch 0/epoch 1/' "$work/a/agent"; keys show --folder "$work/a"; ends $? 1 "is damaged" "a changed file is no agent"
