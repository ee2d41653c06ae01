# SPDX-License-Identifier: Apache-2.0
# In the guest: trials whose daemon does not answer, or ends; and what images of a trial are asked of their ancestors.
. /t/policy_helpers.sh
# --- ancestors, and an engine that does not answer
mkdir /tmp/launch; cp /bin/busybox /tmp/launch/sh
sed 's|when: .*|when: process.executable = /tmp/bad/four and ancestor(process.executable = /tmp/launch/sh)|' /tmp/four.yaml > /tmp/below.yaml
policy apply --name below /tmp/below.yaml
runs /tmp/bad/four && ! /tmp/launch/sh -c '/tmp/bad/four; [ $? -eq 2 ]' 2> /dev/null; check $? "a program is blocked below another one"
policy apply --confirm 1h --name below /tmp/three.yaml
/tmp/launch/sh -c 'while [ ! -e /tmp/go ]; do sleep 0.2; done; /tmp/bad/four; echo $? > /tmp/got' 2> /dev/null & launcher=$!
sleep 1; /tmp/launch/sh -c '/tmp/bad/four; [ $? -eq 2 ]'; check $? "a trial without that rule does not block it"
policy rollback; : > /tmp/go; wait $launcher
[ "$(cat /tmp/got)" -eq 126 ]; check $? "after it, it is blocked below one that was started meanwhile ($(cat /tmp/got))"
runs /tmp/bad/four; check $? "and elsewhere it is not"
policy remove below

# --- predicates of a trial that went: who was born meanwhile is below the one, not below the other
mkdir /tmp/launch/r /tmp/launch/s; cp /bin/busybox /tmp/launch/r/sh; cp /bin/busybox /tmp/launch/s/sh
below() { sed "s|when: .*|when: process.executable = /tmp/bad/four and ancestor(process.executable = $1)|" /tmp/four.yaml > /tmp/below.yaml; }
below /tmp/launch/r/sh; policy apply --confirm 1h --name below /tmp/below.yaml
rm -f /tmp/go /tmp/got
/tmp/launch/s/sh -c 'while [ ! -e /tmp/go ]; do sleep 0.2; done; /tmp/bad/four; echo $? > /tmp/got' 2> /dev/null & launcher=$!
sleep 1; policy rollback
below /tmp/launch/s/sh; policy apply --name below /tmp/below.yaml
: > /tmp/go; wait $launcher
[ "$(cat /tmp/got)" -eq 126 ]; check $? "a trial's mark is not taken for another one's ($(cat /tmp/got))"
runs /tmp/bad/four && /tmp/launch/r/sh -c '/tmp/bad/four; [ $? -eq 2 ]'; check $? "and elsewhere nothing is blocked"
policy remove below

# --- what the tables were made of changes
sed "s|^  action:|  exceptions: [{name: root, when: user.id = 0, owner: ops, reason: test, expires: $(date -d @$(($(date +%s) + 86400)) +%F)}]\n  action:|" /tmp/four.yaml > /tmp/expires.yaml
policy apply /tmp/expires.yaml; runs /tmp/bad/four; check $? "an exception lasts until its day is over ($(cat /tmp/out))"
date -s "@$(($(date +%s) + 3 * 86400))" > /dev/null
await 10 blocked /tmp/bad/four; check $? "and not longer, without a reload"
policy remove expires
mkdir -p /opt/vol; cp /t/numbered /opt/no
sed "s|when: .*|when: process.executable startswith /opt/ and not process.executable = /opt/vol/ok|" /tmp/four.yaml > /tmp/vol.yaml
policy apply /tmp/vol.yaml; blocked /opt/no; check $? "a policy with an exception below a mount point"
mount -t tmpfs tmpfs /opt/vol; cp /t/numbered /opt/vol/ok
await 15 runs /opt/vol/ok; check $? "what is mounted there later is known soon, without a reload"
blocked /opt/no; check $? "and the rest is blocked as before"
mkdir /tmp/alias; mount --bind /opt/vol /tmp/alias; cp /t/numbered /opt/vol/no; blocked /tmp/alias/no; check $? "so is what is there, under another name"
umount /tmp/alias /opt/vol; policy remove vol
below /tmp/launch/sh; policy apply --name below /tmp/below.yaml
{ cat /tmp/three.yaml; sed 's|/tmp/launch/sh|/tmp/launch/r/sh|; s|rule: four|rule: other|' /tmp/below.yaml; } > /tmp/trial.yaml
policy apply --confirm 10s --name three /tmp/trial.yaml; kill -STOP $daemon
blocked /tmp/bad/three; check $? "an engine that is stopped does not change what is on trial"
rm -f /tmp/go /tmp/got
/tmp/launch/sh -c 'while [ ! -e /tmp/go ]; do sleep 0.2; done; /tmp/bad/four; echo $? > /tmp/got' 2> /dev/null & launcher=$!
sleep 18; runs /tmp/bad/three && blocked /tmp/bad/base; check $? "the kernel goes back by itself when the time is over"
: > /tmp/go; wait $launcher
[ "$(cat /tmp/got)" -eq 126 ] && runs /tmp/bad/four; check $? "and knows the ancestors that a trial did not ask for, also of who was born meanwhile ($(cat /tmp/got))"
kill -CONT $daemon; await 20 in_force 2; policy remove below; await 20 in_force 1; runs /tmp/bad/three && blocked /tmp/bad/base; check $? "and the engine when it runs again"
policy apply --confirm 1h /tmp/three.yaml; policy confirm; blocked /tmp/bad/three && policy remove three; runs /tmp/bad/three; check $? "the next trial is as good"

# --- what need not be sent
filtered() { vedette status --json --control /run/vedette/control.sock | grep -o '"filtered":[0-9]*' | cut -d: -f2 | awk '{ n += $1 } END { print n + 0 }'; }
drops() {
	before=$(filtered); i=0
	while [ $i -lt 50 ]; do : < /tmp/config.yaml; i=$((i + 1)); done
	[ $(($(filtered) - before)) -ge 50 ]
}
watched() { cat /tmp/watched > /dev/null; [ "$(cat /tmp/log/*.jsonl | grep -c '"rule":{"id":"opened"')" -ge "$1" ]; }
: > /tmp/watched
printf -- '- {rule: opened, event: file.open, when: file.path = /tmp/watched, severity: low}\n' > /tmp/opened.yaml
policy apply /tmp/opened.yaml; drops; check $? "with a rule about one file, opens of others are dropped"
await 5 watched 1; check $? "and those of the one are not"
policy apply --confirm 1h /tmp/three.yaml; ! drops; check $? "while a policy is tried, nothing is dropped"
policy rollback; drops; check $? "when it is taken back, what was dropped before is again"
await 5 watched 2; check $? "and nothing else"
policy apply --confirm 1h /tmp/three.yaml; policy confirm; drops; check $? "when one is confirmed, what its rules do not need is dropped"
await 5 watched 3; check $? "and nothing else"
policy remove three; drops; check $? "so is it when it is removed"
policy remove opened

# --- the daemon ends meanwhile
policy apply --confirm 1h /tmp/three.yaml; blocked /tmp/bad/three; check $? "a policy is tried"
stop KILL; start
runs /tmp/bad/three && blocked /tmp/bad/base && in_force 1; check $? "a daemon that is killed meanwhile comes up with the rules of before"
grep -q "'three.yaml' was not confirmed" /tmp/err; check $? "and says so"
su tester -c 'vedette policy rollback' > /tmp/out 2>&1; says "Permission denied" "another user is refused"
policy apply --confirm 1h /tmp/three.yaml; stop TERM
chmod 777 /tmp/lib/policies; vedette daemon -c /tmp/config.yaml > /tmp/out 2>&1; says "others may write to the folder" "a folder that others may write to is refused"

records '"action":"rollback".*"reason":"stopped"' '"action":"apply".*"confirm":10000000000'
