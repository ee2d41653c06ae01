# SPDX-License-Identifier: Apache-2.0
# In the guest: what root tries against a daemon that enforces, what it must not harm, what only can be noticed, and the ways out.
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
wait_for() { i=0; while ! eval "$1" > /dev/null 2>&1 && [ $i -lt "${2:-300}" ]; do sleep 0.1; i=$((i + 1)); done; eval "$1" > /dev/null 2>&1; }
log=/var/log/vedette/alerts.jsonl
tampers() { grep -c "\"tamper\":{\"act\":\"$1\"" $log; }
state() { vedette status --json --control /run/vedette/control.sock; }

mkdir -p /var/lib/vedette /etc/vedette/rules /var/log/vedette /run/vedette /srv/kept /srv/pins /tmp/bad /sys/fs/cgroup/agent /sys/fs/cgroup/agent/daemon /sys/fs/cgroup/twin /sys/fs/cgroup/elsewhere
cp /t/nonce /tmp/bad/x
cp /t/block_rules.yaml /etc/vedette/rules/one.yaml
mkdir -p /srv/many && (cd /srv/many && seq 2100 | xargs touch) # more than can be protected
mount -t tmpfs kept /srv/kept && echo x > /srv/kept/file
mount -t bpf pins /srv/pins
mount -t tmpfs log /var/log/vedette
cat > /etc/vedette/vedette.yaml <<'C'
rules: [/etc/vedette/rules]
enforce: true
protect_paths: [/srv/kept, /srv/pins, /srv/many]
output: {file: /var/log/vedette/alerts.jsonl, heartbeat: 1s}
status_file: /run/vedette/status.json
control: /run/vedette/control.sock
C
twin=/tmp/twin
mkdir -p $twin/etc/folder $twin/kept $twin/pins
echo x > $twin/file && echo x > $twin/etc/folder/one.yaml && ln -s /sys/fs/cgroup/twin $twin/cgroup
mount -t tmpfs kept $twin/kept
mount -t bpf pins $twin/pins
ln -s nothing /srv/pins/old
ln -s nothing $twin/pins/old

start() {
	rm -f /run/vedette/status.json
	sh -c 'echo $$ > /sys/fs/cgroup/agent/daemon/cgroup.procs; exec vedette daemon -c /etc/vedette/vedette.yaml' 2> /tmp/err &
	daemon=$!
	wait_for '[ -s /run/vedette/status.json ]' 600
	check $? "$1: it starts"
	[ -s /tmp/err ] && sed 's/^/# /' /tmp/err
}
begun=$(cut -d. -f1 /proc/uptime)
start protected
echo "# started after $(($(cut -d. -f1 /proc/uptime) - begun)) s"
state | grep -q '"protection":{[^}]*"state":"on","unproven":0}'
check $? "protected: status says so: $(state | grep -o '"protection":{[^}]*}')"
grep -q '^/srv/many: warning: is not protected: there would be too many' /tmp/err
check $? "a folder with too many files is not protected, and told so"
bad=0
for i in 1 2 1000 2050 2100; do echo x > /srv/many/$i || bad=1; done 2> /dev/null
[ $bad -eq 0 ]
check $? "and really is not: none of its files is refused to others"
vedette status > /tmp/out; [ $? -le 1 ] && grep -q '^enforces  yes: 1 rule blocks' /tmp/out
check $? "status says that it blocks ($(grep ^enforces /tmp/out))"
sums() { sha256sum /etc/vedette/vedette.yaml /etc/vedette/rules/one.yaml /srv/kept/file /bin/vedette; stat -c '%a %u %h %n' /etc/vedette/vedette.yaml /etc/vedette/rules /etc/vedette/rules/one.yaml; }
sums > /tmp/before

# --- refused, and the same on a twin
/t/tamper $daemon /etc/vedette/vedette.yaml /etc/vedette/rules /sys/fs/cgroup/agent/daemon /srv/kept /srv/pins $twin
check $? "acts: all refused, and none on the twin"
sums > /tmp/after
cmp /tmp/before /tmp/after
check $? "acts: every file is as it was"
ls /etc/vedette/rules | grep -qx one.yaml && [ "$(ls /etc/vedette/rules | wc -l)" -eq 1 ] && [ -f /srv/kept/file ] && [ -L /srv/pins/old ]
check $? "acts: nothing is gone, nothing new"
kill -0 $daemon && /tmp/bad/x 2>&1 | grep -q 'not permitted'
check $? "acts: the daemon lives and what it forbids is refused"
for f in /etc/vedette/rules /etc/vedette /etc /; do
	[ "$f" = / ] && continue
	mount -t tmpfs x "$f" 2> /dev/null
	[ $? -ne 0 ]
	check $? "mount over $f: refused"
done
mkdir -p /tmp/unused && mount -t tmpfs unused /tmp/unused
/t/tamper_more $daemon /var/log/vedette /tmp/unused
check $? "more acts: all refused"
(echo 0 > /proc/sys/kernel/ftrace_enabled) 2> /dev/null
[ $? -ne 0 ] && [ "$(cat /proc/sys/kernel/ftrace_enabled)" = 1 ]
check $? "ftrace_enabled: refused"
mkdir -p /tmp/proc && mount -t proc proc /tmp/proc && (echo 0 > /tmp/proc/sys/kernel/ftrace_enabled) 2> /dev/null
[ $? -ne 0 ] && [ "$(cat /proc/sys/kernel/ftrace_enabled)" = 1 ]
check $? "ftrace_enabled of another procfs: refused"
(echo voluntary > /sys/kernel/debug/sched/preempt) 2> /dev/null
[ $? -ne 0 ]
check $? "sched/preempt: refused"
(echo i > /proc/sysrq-trigger) 2> /dev/null
[ $? -ne 0 ]
check $? "sysrq-trigger: refused"
echo 1 > /proc/sys/kernel/sysrq
check $? "other settings of the kernel: not refused"
(echo 1 > /sys/fs/cgroup/agent/cgroup.freeze) 2> /dev/null
[ $? -ne 0 ]
check $? "cgroup.freeze above: refused"
sh -c 'echo $$ > /sys/fs/cgroup/agent/cgroup.procs'
check $? "cgroup.procs above: not refused"
cat /proc/$daemon/status > /dev/null && ls -l /proc/$daemon/fd > /dev/null && kill -0 $daemon && cat $log > /dev/null && cat /etc/vedette/vedette.yaml > /dev/null
check $? "looking at it: not refused"
unshare -m sh -c 'mount --make-rprivate / && mount -t tmpfs x /etc && mount -t tmpfs x /var/log' 
check $? "another mount namespace: mounts over /etc are its own"
kill -HUP $daemon
wait_for "grep -q 'vedette.reload' $log" 100
check $? "SIGHUP: not refused, it reads its rules anew"

# --- told
sleep 2
for act in signal ptrace limits scheduling process-file cgroup-file bpf-map bpf-program bpf-link file-write file-change file-create file-remove file-rename mount unmount ftrace preemption sysrq; do
	[ "$(tampers $act)" -ge 1 ]
	check $? "told: $act ($(tampers $act))"
done
grep '"act":"signal"' $log | grep -q '"action":"block".*\|"rule":{[^}]*"id":"agent-tamper"'
check $? "told: the built-in rule, as blocked"
grep '"act":"file-write"' $log | grep -q '"path":"/etc/vedette/vedette.yaml"'
check $? "told: which file"
state | grep -q '"failures":0'
check $? "told: no fault of the protection's own: $(state | grep -o '"protection":{[^}]*}')"
produced=$(state | grep -o '"agent.tamper":{[^}]*}')
echo "# $produced"

# --- what cannot be refused is noticed
echo $daemon > /sys/fs/cgroup/elsewhere/cgroup.procs
wait_for "grep -q '^0::/agent/daemon' /proc/$daemon/cgroup" 50
check $? "moved to another cgroup: it goes back"
wait_for "[ $(tampers cgroup-move) -ge 1 ]" 30
[ "$(tampers cgroup-move)" -ge 1 ]
check $? "moved to another cgroup: told ($(tampers cgroup-move))"
i=0
while [ $i -lt 300 ]; do kill -KILL $daemon 2> /dev/null; i=$((i + 1)); done
sleep 2
state | grep -o '"agent.tamper":{[^}]*}' | grep -q '"lost_ring":[1-9]'
check $? "a flood: counted, not all told: $(state | grep -o '"agent.tamper":{[^}]*}')"
grep -q '"dataset":"vedette.heartbeat".*"protection":{"canaries":[0-9]*,"failures":0,"refused":[0-9]*,"state":"on"}\|"protection":{"canaries":[1-9][0-9]*,"failures":0,"refused":[1-9][0-9]*,"state":"on"}' $log
check $? "heartbeats carry it"

# --- the ways out
vedette reload > /tmp/out 2>&1
check $? "vedette reload works: $(tail -n 1 /tmp/out)"
vedette protect off --for 60s
check $? "vedette protect off"
echo '# edited' >> /etc/vedette/rules/one.yaml && mv /etc/vedette/rules/one.yaml /tmp/edited && mv /tmp/edited /etc/vedette/rules/one.yaml
check $? "protect off: rules can be edited"
/tmp/bad/x 2>&1 | grep -q 'not permitted'
check $? "protect off: it goes on blocking"
vedette protect on
(echo '# edited' >> /etc/vedette/rules/one.yaml) 2> /dev/null
[ $? -ne 0 ]
check $? "protect on: rules are protected again, the new ones too"
vedette protect off --for 2s > /dev/null
sleep 4
(echo '# edited' >> /etc/vedette/rules/one.yaml) 2> /dev/null
[ $? -ne 0 ]
check $? "protect off --for 2s: ends by itself"
su tester -c 'vedette protect off' > /tmp/out 2>&1
[ $? -eq 1 ]
check $? "protect off: not for others than root ($(tail -n 1 /tmp/out))"
[ "$(tampers protection-off)" -eq 2 ] && [ "$(tampers protection-on)" -eq 2 ]
check $? "protect off and on: told ($(tampers protection-off), $(tampers protection-on))"
vedette stop && (echo '# edited' >> /etc/vedette/vedette.yaml)
check $? "vedette stop: when it comes back the daemon has ended, and nothing is refused"
wait $daemon
check $? "vedette stop: it ended well"
tail -n 1 $log | grep -q '"reason":"stop, asked for by process [0-9]*, user 0"'
check $? "vedette stop: the log says who asked: $(tail -n 1 $log | grep -o '"reason":"[^"]*"')"
vedette verify --complete --key $log.pub $log > /tmp/out 2>&1
check $? "the log verifies: $(head -n 1 /tmp/out)"
echo '# edited' >> /etc/vedette/rules/one.yaml && mount -t tmpfs x /etc && umount /etc && umount /srv/kept && mount -t tmpfs kept /srv/kept && echo 1 > /proc/sys/kernel/ftrace_enabled
check $? "after it nothing is refused any more"

# --- a descriptor from before the start
exec 7> /proc/sys/kernel/ftrace_enabled
start "ftrace"
echo 0 >&7
wait_for '[ "$(cat /proc/sys/kernel/ftrace_enabled)" = 1 ]' 50
check $? "ftrace: written by a descriptor from before: set back"
sleep 1.5
[ "$(tampers ftrace)" -ge 1 ] && state | grep -q '"failures":[1-9]'
check $? "ftrace: and told ($(state | grep -o '"protection":{[^}]*}'))"
vedette status > /tmp/out
[ $? -eq 1 ] && grep -q '^degraded  the protection of Vedette itself failed' /tmp/out
check $? "ftrace: status ends with 1 and says why: $(grep ^degraded /tmp/out | head -n 1)"
vedette stop
wait $daemon
exec 7>&-

# --- without
sed -i 's/^enforce: true/&\nprotect: false/' /etc/vedette/vedette.yaml
start "protect: false"
state | grep -q '"state":"none"'
check $? "protect: false: status says so"
vedette protect off > /tmp/out 2>&1
[ $? -eq 1 ] && grep -q 'not protected' /tmp/out
check $? "protect: false: nothing to switch off: $(cat /tmp/out)"
kill -TERM $daemon
wait $daemon
check $? "protect: false: SIGTERM ends it"
tail -n 1 $log | grep -q '"reason":"signal 15 from process [0-9]*, user 0"'
check $? "protect: false: the log says who sent it"
