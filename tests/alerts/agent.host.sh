#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A daemon that keeps its key between its runs: started, killed, stopped, started again, over an empty cgroup of its own on this host. The log
# verifies over all of them with the key that `vedette keys init` printed.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
[ "$(id -u)" -eq 0 ] || { echo "ok - an agent's key over its runs # SKIP needs root"; exit 0; }
root=$(findmnt -nrt cgroup2 -o TARGET | head -n 1)
group=$root/vedette-agent-test.$$
[ -n "$root" ] && mkdir "$group" 2>/dev/null || { echo "ok - an agent's key over its runs # SKIP no cgroup can be made here"; exit 0; }
VEDETTE=$(realpath "$VEDETTE")
work=$(mktemp -d)
trap 'rm -rf "$work"; rmdir "$group"' EXIT
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; sed 's/^/# /' "$work/out" | head -n 5; fi; }
cat > "$work/rules.yaml" <<END
- rule: r
  event: process.exec
  when: process.executable == /none
  severity: low
END
cat > "$work/vedette.yaml" <<END
rules: [$work/rules.yaml]
sensor: tracepoint
scope: {cgroup: $group}
output: {file: $work/log, heartbeat: 1s}
agent: {folder: $work/agent}
wal: off
control: $work/control.sock
status_file: ""
END
"$VEDETTE" keys init --folder "$work/agent" > "$work/key" 2> "$work/out"; check $? "an agent is made"
"$VEDETTE" keys init --folder "$work/agent" > "$work/out" 2>&1; [ $? -eq 1 ] && grep -q "holds an agent already" "$work/out"; check $? "none is made over another"

daemon() { # starts one and waits until its key has rolled
	"$VEDETTE" daemon --config "$work/vedette.yaml" > "$work/daemon.out" 2>&1 &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		[ -S "$work/control.sock" ] && "$VEDETTE" status --control "$work/control.sock" --json > "$work/out" 2>&1 && grep -q '"reason":"start"' "$work/log" && return 0
		kill -0 $pid 2>/dev/null || { cp "$work/daemon.out" "$work/out"; return 1; }
		sleep 0.1
	done
	return 1
}
logs() { for ((i = 1; i < 9; i++)); do [ ! -e "$work/log.$i" ] || cat "$work/log.$i"; done; cat "$work/log"; }

daemon; check $? "a daemon starts with it"
"$VEDETTE" daemon --config <(sed "s,$work/log,$work/other,; s,control.sock,other.sock," "$work/vedette.yaml") > "$work/out" 2>&1
[ $? -ne 0 ] && grep -q "another agent runs with this folder" "$work/out"; check $? "a second one with the same folder is refused"
"$VEDETTE" keys show --folder "$work/agent" > "$work/out" 2>&1; [ $? -eq 1 ]; check $? "nobody else opens it meanwhile"
"$VEDETTE" keys roll --control "$work/control.sock" > "$work/out" 2>&1; check $? "the key rolls when asked"
grep -q '"reason":"asked"' "$work/log"; check $? "the log tells why"
kill -KILL $pid; wait $pid 2>/dev/null
daemon; check $? "killed, it starts again"
kill -TERM $pid; wait $pid
grep -q '"reason":"stop"' "$work/log"; check $? "the key rolls before the end"
daemon; check $? "stopped, it starts again"
kill -TERM $pid; wait $pid
logs | "$VEDETTE" verify --key "$work/key" - > "$work/out" 2>&1; check $? "its three logs verify as one, with the first key alone"
grep -q "open-ended" "$work/out"; check $? "that one was killed is told"
logs | /usr/bin/python3 docs/verify_log.py "$work/key" /dev/stdin > "$work/out" 2>&1; check $? "verify_log.py says so, too"
[ "$(logs | grep -c '"vedette.open"')" -eq 3 ] && [ "$(logs | grep -c '"vedette.close"')" -eq 2 ]; check $? "three streams, two of them closed"
"$VEDETTE" keys show --folder "$work/agent" --json > "$work/out" 2>&1 && grep -q '"incarnation":3' "$work/out"; check $? "the agent has counted them"

# a first start that makes the agent: the line that it tells verifies, also after later starts and changes of the key
sed "s,$work,$work/new,g" "$work/vedette.yaml" > "$work/new.yaml"; sed -i "s,$work/new/rules.yaml,$work/rules.yaml," "$work/new.yaml"; mkdir "$work/new"
first() {
	"$VEDETTE" daemon --config "$work/new.yaml" > "$work/daemon.out" 2>&1 &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		"$VEDETTE" status --control "$work/new/control.sock" --json > /dev/null 2>&1 && grep -q '"reason":"start"' "$work/new/log" && break
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	kill -TERM $pid; wait $pid
}
first; grep -o "vedette-key/v1 [^ ]* 0 [A-Za-z0-9+/=]*" "$work/daemon.out" > "$work/told"; cp "$work/daemon.out" "$work/out"
grep -q "a new agent was made; give its first key" "$work/daemon.out" && [ "$(wc -l < "$work/told")" -eq 1 ]; check $? "a first start tells the agent's first key"
first && [ -e "$work/new/log.1" ] && ! grep -q "a new agent" "$work/daemon.out"; check $? "later ones do not"
cat "$work/new/log.1" "$work/new/log" | "$VEDETTE" verify --complete --key "$work/told" - > "$work/out" 2>&1; check $? "the line that was told verifies the logs of both"
awk '$3 == 0' "$work/new/log.1.pub" | cut -d ' ' -f 4 > "$work/out"; [ "$(cat "$work/out")" = "$(cut -d ' ' -f 4 "$work/told")" ]; check $? "and is the line with a 0 in the file of public keys"

logs | head -n -3 | "$VEDETTE" verify --complete --key "$work/key" - > "$work/out" 2>&1; [ $? -eq 1 ]; check $? "an end cut off is seen"
logs | grep -v '"reason":"asked"' | "$VEDETTE" verify --key "$work/key" - > "$work/out" 2>&1; [ $? -eq 1 ] && grep -q deleted "$work/out"; check $? "a record taken out is seen"
