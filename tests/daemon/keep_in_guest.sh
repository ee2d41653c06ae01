# SPDX-License-Identifier: Apache-2.0
# In the guest: the daemon is killed, stopped, follows another, and what it left is released.
. /t/independence_common.sh
config keep
start; check $? "on_exit: keep: the daemon answers"
ls /run/vedette/bpf/1 > /tmp/pins 2>&1; grep -q link_ /tmp/pins && grep -q map_ring /tmp/pins; check $? "what is in force is pinned ($(wc -l < /tmp/pins) pins)"
ls -ld /run/vedette/bpf | grep -q '^drwx-----[-T]'; check $? "where nobody else may look ($(ls -ld /run/vedette/bpf))"
vedette release > /tmp/out 2>&1; [ $? -eq 1 ] && grep -q "a daemon runs" /tmp/out; check $? "nothing is released while it runs"
vedette reload > /dev/null; blocked; check $? "after a reload it blocks"
begin
stop KILL; sleep 1; blocked; check $? "killed: what is forbidden is refused"
config keep 64KiB
start; check $? "the next daemon answers"
blocked && [ "$(ls /run/vedette/bpf)" = 2 ]; check $? "it blocks, and what was left is gone"
logs > /tmp/all; n=$(grep -c '"action":"block"' /tmp/all)
grep '"action":"block"' /tmp/all | grep -vq '"id":"no-'; [ $? -eq 1 ] && [ "$n" -gt 10 ]; check $? "every alert of a refusal names its rule ($n)"
stop TERM; blocked; check $? "stopped: what is forbidden is refused"
vedette verify --complete --key /tmp/log/a.jsonl.pub /tmp/log/a.jsonl > /tmp/out 2>&1; check $? "the log of a daemon that took over is whole ($(tail -n 1 /tmp/out))"
flood 200; start; check $? "a daemon after a flood that nobody read"
finish "through a kill, a stop, full rings and two starts"
logs > /tmp/all
grep -q '"what":"gap-ended"' /tmp/all; check $? "the time after the kill is told"
grep '"what":"gap-stopped"' /tmp/all > /tmp/out; [ -s /tmp/out ] && ! grep -q '"count":0[,}]' /tmp/out; check $? "so is that after the stop, with what found no room meanwhile"
stop KILL; vedette release > /tmp/out 2>&1; check $? "an administrator releases ($(cat /tmp/out))"
runs; check $? "nothing is refused any more"
[ "$(/t/ids)" = "$nothing" ] && [ ! -e /run/vedette/bpf ]; check $? "nothing is left in the kernel, nor a mount ($(/t/ids))"
vedette release > /tmp/out 2>&1 && grep -q "nothing was left" /tmp/out; check $? "nothing is left to release"
! su tester -c 'vedette release' > /tmp/out 2>&1 && grep -q "by root alone" /tmp/out; check $? "another user is told that he cannot look"
# --- acts that are numbered: each is told, and told once, by the daemon before, by what is read of the time between, or by the one after
cat >> /tmp/rules.yaml <<'END'
- {rule: numbered, event: file.create, when: file.path startswith /tmp/n/, severity: high, action: alert, message: "<{file.path}>"}
END
refusals() { logs | grep -c '"rule":{"id":"no-exec"'; }
config keep
start; check $? "a daemon that tells of numbered acts answers"
for how in TERM KILL; do
	gone=$([ $how = KILL ] && echo 16 || echo 0)
	rm -f /tmp/stop; mkdir -p /tmp/n/$how; before=$(refusals)
	/t/numbered open /tmp/n/$how 10000 /tmp/stop > /tmp/opened & opener=$!
	/t/numbered exec /tmp/bad/x 20000 /tmp/stop > /tmp/execs & starter=$!
	sleep 1; stop $how; sleep 0.5; start; sleep 1
	: > /tmp/stop; wait $opener $starter
	vedette reload > /dev/null; sleep 1 # what came before is written
	logs | grep -o "\"message\":\"</tmp/n/$how/[0-9]*>" | sort | uniq -c > /tmp/told
	n=$(cat /tmp/opened) twice=$(awk '$1 > 1' /tmp/told | wc -l) told=$(wc -l < /tmp/told)
	# what a daemon had read and not written when it was killed is gone with it
	[ "$n" -gt 100 ] && [ "$twice" -eq 0 ] && [ "$((n - told))" -le $gone ]; check $? "$how and a start: of $n acts $told told, $twice twice"
	read refused ran < /tmp/execs; [ "$refused" -gt 20 ] && [ "$ran" -eq 0 ]; check $? "$how and a start: $refused forbidden acts refused, $ran not"
	# the rest of a second: alerts of what is refused, each once
	told=$(($(refusals) - before)); [ "$told" -le "$refused" ] && [ "$((refused - told))" -le $gone ]; check $? "$how and a start: $refused refusals, $told alerts of them"
done
# --- no memory
mkdir -p /sys/fs/cgroup/small; echo +memory > /sys/fs/cgroup/cgroup.subtree_control
echo $daemon > /sys/fs/cgroup/small/cgroup.procs
begin; echo 1M > /sys/fs/cgroup/small/memory.max
await 30 grep -q '^oom_kill [1-9]' /sys/fs/cgroup/small/memory.events; check $? "no memory: the kernel kills the daemon"
stop KILL 2> /dev/null # whether or not it is gone already
blocked; check $? "no memory: what is forbidden is refused"
start; check $? "no memory: the next daemon answers"
finish "killed for want of memory, and a start"; stop KILL
# --- other rules, and a daemon that does not keep
config keep; start; vedette stop > /tmp/out 2>&1 && grep -q "stays blocked (enforcement.on_exit: keep)" /tmp/out && blocked; check $? "vedette stop says what stays ($(cat /tmp/out))"
wait $daemon; vedette status > /tmp/out 2>&1; [ $? -eq 3 ] && grep -q "is still blocked (on_exit: keep)" /tmp/out; check $? "so does status, and ends with 3"
start; stop KILL; blocked; check $? "killed again: refused"
sed -i 's/bad/worse/' /tmp/rules.yaml; config release
start; check $? "a daemon with other rules, that keeps nothing, answers"
runs; check $? "its rules are in force, and they alone"
[ ! -e /run/vedette/bpf ]; check $? "what was left is gone"
stop TERM; [ "$(/t/ids)" = "$nothing" ]; check $? "nothing is left in the kernel ($(/t/ids))"
# --- what is known of ancestors: whose creator has ended is a child of the first process to /proc
mkdir -p /tmp/up; cp /bin/busybox /tmp/up/sh; cp /t/nonce /tmp/bad/below
cat > /tmp/orphan.sh <<'END'
for i in 1 2 3 4; do
	while [ ! -e /tmp/try.$i ]; do sleep 0.1; done
	/tmp/bad/below > /dev/null 2>&1; echo $? > /tmp/tried.tmp; mv /tmp/tried.tmp /tmp/tried.$i
done
END
rule() { echo "- {rule: $1, event: process.exec, when: 'process.executable = /tmp/bad/below and ancestor(process.executable = $2)', severity: high, action: block}"; }
tries() { # tries NUMBER WHAT: the orphan may not, and others may
	: > /tmp/try.$1; await 20 [ -e /tmp/tried.$1 ]
	[ "$(cat /tmp/tried.$1)" = 126 ]; check $? "ancestors: $2: who descends is refused ($(cat /tmp/tried.$1))"
	[ "$(/tmp/bad/below 2> /dev/null)" = NONCE ]; check $? "ancestors: $2: others are not"
}
rule below /tmp/up/sh > /tmp/rules.yaml
config keep; start; check $? "a daemon that asks for ancestors answers"
/tmp/up/sh -c 'setsid sh /tmp/orphan.sh &'; sleep 0.5; tries 1 "born under the first daemon"
stop KILL; start; tries 2 "a daemon after a killed one"
{ rule first /tmp/up/first; rule below /tmp/up/sh; } > /tmp/rules.yaml
stop TERM; start; tries 3 "a daemon with other rules"
{ rule below /tmp/up/sh; rule second /tmp/up/second; } > /tmp/rules.yaml
vedette reload > /tmp/out; check $? "a reload with other ancestors"; tries 4 "after it"
stop TERM; vedette release > /dev/null
# --- mistakes
config keep; sed -i 's/enforce: true/enforce: false/' /tmp/config.yaml; vedette daemon -c /tmp/config.yaml --check > /tmp/out 2>&1
[ $? -eq 1 ] && grep -q "nothing to keep" /tmp/out; check $? "keep without enforcement is refused"
config maybe; vedette daemon -c /tmp/config.yaml --check > /tmp/out 2>&1; [ $? -eq 1 ] && grep -q "'maybe' is not release or keep" /tmp/out; check $? "so is another word"
