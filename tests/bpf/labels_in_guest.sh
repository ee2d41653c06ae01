# SPDX-License-Identifier: Apache-2.0
# In the guest, read by swap_in_guest.sh: what labels and user space say of creators. A private mount puts nobody into an exception, a new one that all
# have does, and a user who forks takes nothing from root.
l_check() { if [ "$1" -eq 0 ]; then echo "ok - labels: $2"; else echo "not ok - labels: $2"; fi; }
l_await() { i=$(($1 * 10)); shift; while [ $i -gt 0 ] && ! "$@"; do sleep 0.1; i=$((i - 1)); done; [ $i -gt 0 ]; }
mkdir -p /tmp/l/up /tmp/l/m /tmp/l/other /tmp/l/tries /tmp/l/rules
cp /bin/busybox /tmp/l/up/sh; cp /t/descend /tmp/l/only; cp /t/verbs /tmp/l/reader; echo x > /tmp/l/secret
chmod 755 /tmp/l; chmod 644 /tmp/l/secret
l_rules() { # l_rules MORE: only below these two is it permitted, and MORE, which nobody is below
	cat > /tmp/l/rules/rules.yaml <<R
- {rule: below, event: process.exec, severity: high, action: block, when: 'process.executable = /tmp/l/only and not ancestor(process.executable in (/tmp/l/up/sh, $1)) and not ancestor(process.executable startswith /tmp/l/m/)'}
- {rule: reads, event: file.open, severity: high, action: block, when: 'file.path = /tmp/l/secret and not process.executable = /tmp/l/reader'}
R
}
cat > /tmp/l/config.yaml <<'C'
rules: [/tmp/l/rules]
enforce: true
protect: false
processes: {max: 1024}
output: {file: /tmp/l/log/a.jsonl, heartbeat: 1s}
policy: {folder: /tmp/l/lib, breaker: 0}
C
# tries WHO: each time it is asked for, whether what it starts may run: "97" (from the program itself) when it may, 126 when it is refused
cat > /tmp/l/tries.sh <<'S'
for i in 1 2 3 4; do
	while [ ! -e /tmp/l/tries/$1.$i ]; do sleep 0.1; done
	/tmp/l/only > /dev/null 2>&1; echo $? > /tmp/l/tries/$1.$i.tmp; mv /tmp/l/tries/$1.$i.tmp /tmp/l/tries/$1.$i.is
done
S
cat > /tmp/l/alias.sh <<'S'
mount -t tmpfs private /tmp/l/up && cp /bin/busybox /tmp/l/up/sh && /tmp/l/up/sh /tmp/l/starts.sh $1
S
cat > /tmp/l/starts.sh <<'S'
/bin/sh /tmp/l/tries.sh $1 & wait # by its path: busybox would run itself
S
/tmp/l/only > /dev/null 2>&1; l_runs=$?
l_try() { # l_try WHO TIME EXPECTED WHAT
	: > /tmp/l/tries/$1.$2; l_await 20 [ -e /tmp/l/tries/$1.$2.is ]
	[ "$(cat /tmp/l/tries/$1.$2.is)" = "$3" ]; l_check $? "$4 ($(cat /tmp/l/tries/$1.$2.is))"
}
l_rules /tmp/l/nothing
unshare -m sh /tmp/l/alias.sh alias1 & l_one=$!
/tmp/l/up/sh /tmp/l/starts.sh real1 & l_two=$!
sleep 0.5
vedette daemon -c /tmp/l/config.yaml > /tmp/l/err 2>&1 & l_daemon=$!
l_await 60 vedette policy status > /dev/null 2>&1 || { l_check 1 "the daemon answers"; cat /tmp/l/err; }
unshare -m sh /tmp/l/alias.sh alias2 & l_three=$!
/tmp/l/up/sh /tmp/l/starts.sh real2 & l_four=$!
sleep 0.5
l_try real1 1 $l_runs "there before: below the program of an exception it may"
l_try alias1 1 126 "there before: not below a program of that path on a mount of its own"
l_try real2 1 $l_runs "born later: below it, too"
l_try alias2 1 126 "born later: not below the other"
l_rules /tmp/l/nothing-else # another list is another predicate: all are told anew
vedette reload > /tmp/l/out 2>&1; l_check $? "a reload with another list"
l_try real1 2 $l_runs "after it: there before, below the program"
l_try alias1 2 126 "after it: there before, not below the other"
l_try real2 2 $l_runs "after it: born later, below the program"
l_try alias2 2 126 "after it: born later, not below the other"
# --- mounts: what starts there before the tables know of them
mount -t tmpfs other /tmp/l/other; sleep 2 # the next renewal is five seconds off
mount -t tmpfs shared /tmp/l/m; cp /bin/busybox /tmp/l/m/sh
/tmp/l/m/sh /tmp/l/starts.sh mount & l_five=$!
l_try mount 1 126 "on a file system just mounted: not yet below the folder of an exception"
sleep 8
l_try mount 2 $l_runs "some seconds later it is"
l_try real1 3 $l_runs "and the others are told of again: below the program"
l_try alias2 3 126 "and not below the other"
# --- forks: other users' labels leave room for those of root
cp /t/descend /tmp/l/sleeper
su -s /bin/sh tester -c '/tmp/l/sleeper sleep 1400' > /tmp/l/out 2>&1
[ "$(ps | grep -c '[s]leeper sleep')" -gt 1200 ]; l_check $? "a user has more processes than there are labels ($(ps | grep -c '[s]leeper sleep'))"
l_bad=0; for i in 1 2 3 4 5 6 7 8 9 10; do [ "$(/tmp/l/reader read /tmp/l/secret)" = done ] || l_bad=$((l_bad + 1)); done
[ $l_bad -eq 0 ]; l_check $? "root's programs are known all the same ($l_bad of 10 are not)"
[ "$(su -s /bin/sh tester -c '/tmp/l/reader read /tmp/l/secret; true')" = EPERM ]; l_check $? "those that users start are not"
l_await 20 grep -q '"what":"labels"' /tmp/l/log/a.jsonl; l_check $? "which is told as a loss"
killall sleeper > /dev/null 2>&1; sleep 1
[ "$(su -s /bin/sh tester -c '/tmp/l/reader read /tmp/l/secret; true')" = done ]; l_check $? "when the others have ended, they are"
kill $l_daemon; wait $l_daemon
for who in real1 real2 alias1 alias2 mount; do for i in 1 2 3 4; do : > /tmp/l/tries/$who.$i; done; done
wait $l_one $l_two $l_three $l_four $l_five
umount /tmp/l/m /tmp/l/other
