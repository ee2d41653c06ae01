#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette run` on this host, over its own commands only: odd descriptors, files that must not be overwritten, signals, exit status.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
[ "$(id -u)" -eq 0 ] || { echo "ok - vedette run # SKIP needs root"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; fi; }
run() { "$VEDETTE" run -q "$@" 2> "$work/err"; }
ends() { # ends STATUS TEXT WHAT: the last run ended so, and said so
	local got=$1 want=$2 text=$3
	[ "$got" -eq "$want" ] && { [ -z "$text" ] || grep -q -- "$text" "$work/err"; }
	check $? "$4 (status $got)"
}
run -- true >&-; ends $? 0 "" "standard output closed"
"$VEDETTE" run -q -- true 2>&-; ends $? 0 "" "standard error closed"
"$VEDETTE" run -q -- true <&- >&- 2>&-; ends $? 0 "" "all of them closed"
run --status /dev/null -- true; ends $? 125 "must be a regular file" "the status file is no device"
[ -c /dev/null ]; check $? "and the device is still there"
echo precious > "$work/other"
run --status "$work/other" -- true; ends $? 125 "not overwritten" "the status file is no other file"
run --output "$work/other" -- true; ends $? 125 "no Vedette log" "the log is no other file"
[ "$(cat "$work/other")" = precious ]; check $? "and the file is as it was"
run --status "$work/none/status" -- true; ends $? 125 "No such file" "the status file's folder is missing"
run --output "" -- true; ends $? 125 "needs the name of a file" "an empty name for the log"
run --output -- true; ends $? 125 "needs the name of a file" "an option in place of the log's name"
run --sensor ebpf -- true; ends $? 125 "auto, lsm or tracepoint" "an unknown sensor mode"
run; ends $? 125 "no command" "no command"
run -- /no/such; ends $? 127 "No such file" "a command that is not there"
run -- /etc/passwd; ends $? 126 "Permission denied" "a command that cannot run"
run -- sh -c 'exit 255'; ends $? 255 "" "the command's status"
run -- sh -c 'kill -KILL $$'; ends $? 137 "" "a command that a signal ended"
up() { # up FILE: the command says that it is ready
	local i
	for ((i = 0; i < 300; i++)); do [ -e "$1" ] && return; sleep 0.1; done
}
for sig in QUIT INT; do
	"$VEDETTE" run -q -o "$work/$sig.jsonl" -- sh -c 'trap "" QUIT INT; : > "$0"; sleep 1; exit 5' "$work/up.$sig" 2> /dev/null &
	pid=$!
	up "$work/up.$sig"
	kill -$sig $pid
	wait $pid
	ends $? 5 "" "SIG$sig to vedette alone leaves the watch and the command"
	"$VEDETTE" verify --complete --key "$work/$sig.jsonl.pub" "$work/$sig.jsonl" > /dev/null
	check $? "and the log is closed"
done
"$VEDETTE" run -q -- sh -c 'trap "exit 9" TERM; : > "$0"; sleep 5 & wait' "$work/up.TERM" 2> /dev/null &
pid=$!
up "$work/up.TERM"
kill -TERM $pid
wait $pid
ends $? 9 "" "SIGTERM is passed on to the command"
exit $bad
