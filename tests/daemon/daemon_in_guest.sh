# SPDX-License-Identifier: Apache-2.0
# In the guest: the daemon over the whole host, over one cgroup, and with bad surroundings.
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
wait_for() { # wait_for FILE: the daemon has started
	i=0
	while [ ! -s "$1" ] && [ $i -lt 1800 ]; do sleep 0.1; i=$((i + 1)); done
}
alerts() { grep -c "\"rule\":{[^}]*\"id\":\"$1\"" "$2"; }

now_ms() { sed -E 's/^([0-9]+)\.([0-9]).*/\1\200/' /proc/uptime; }

# --- the whole host, on a machine that never saw the daemon
vedette daemon -c /t/vedette.yaml --check > /tmp/out 2>&1 && [ ! -e /var/lib/vedette ]
check $? "fresh: --check finds room for the evidence, and makes nothing ($(tail -n 1 /tmp/out))"
vedette daemon -c /t/vedette.yaml 2> /tmp/err &
daemon=$!
wait_for /tmp/run/status.json
[ "$(stat -c '%a %u' /var/lib/vedette/agent /var/lib/vedette/wal | uniq)" = "700 0" ] && grep -q 'a new agent was made' /tmp/err
check $? "fresh: agent and write-ahead log have folders that are root's alone ($(grep agent /tmp/err | head -n 1))"
sleep 1
echo x > /tmp/marked-one
cat /tmp/marked-one > /dev/null
setsid cat /tmp/marked-one > /dev/null
echo x > /tmp/locked
chmod 600 /tmp/locked
su tester -c 'cat /tmp/locked' 2> /dev/null
mkdir -p /tmp/d1 && echo x > /tmp/d1/marked-moved && cat /tmp/d1/marked-moved > /dev/null && mv /tmp/d1 /tmp/d2 && cat /tmp/d2/marked-moved > /dev/null
rm -r /tmp/d2 && mkdir /tmp/d2 && echo x > /tmp/d2/marked-again && cat /tmp/d2/marked-again > /dev/null
sleep 3
vedette status /tmp/run/status.json > /tmp/status.txt
status=$?
grep -q '^sensor    lsm mode; canary seen: true, denied: true' /tmp/status.txt
check $? "host: status names the mode and the canaries"
grep -q ' 0 lost, 0 damaged' /tmp/status.txt
check $? "host: nothing was lost"
vedette status --json /tmp/run/status.json | grep -q '"mode":"lsm"'
check $? "host: status as JSON"
vedette status --json /tmp/run/status.json | grep -q '"paths_checked":true'
check $? "status: paths that change while they are read are noticed"
grep -q "^evidence  the agent's key is kept over its runs; records go to the write-ahead log first" /tmp/status.txt && grep -q '^sink      output (file): good' /tmp/status.txt
check $? "host: status tells how evidence is kept, and the file's lag ($(grep '^sink' /tmp/status.txt))"
head -n 1 /tmp/log/alerts.jsonl | grep -q '"evidence":{"agent":"kept","log":"wal"}'
check $? "host: so does the first record"
rss=$(sed -nE 's/^RssAnon:[^0-9]*([0-9]+) kB/\1/p' /proc/$daemon/status)
[ "$rss" -le 16384 ]
check $? "host: private memory $rss KiB, 16384 at most"
kill -TERM $daemon
wait $daemon
check $? "host: SIGTERM ends it well"
[ "$(alerts marked-open /tmp/log/alerts.jsonl)" -ge 7 ]
check $? "host: opens by any process are seen ($(alerts marked-open /tmp/log/alerts.jsonl))"
[ "$(alerts failed-open /tmp/log/alerts.jsonl)" -eq 1 ]
check $? "host: a failed open is told from a done one"
for p in /tmp/d1/marked-moved /tmp/d2/marked-moved /tmp/d2/marked-again; do
	grep -q "\"path\":\"$p\"" /tmp/log/alerts.jsonl
	check $? "host: after renames the path is $p"
done
grep -q '"dataset":"vedette.heartbeat"' /tmp/log/alerts.jsonl
check $? "host: heartbeats are in the log"
vedette verify --complete --key /tmp/log/alerts.jsonl.pub /tmp/log/alerts.jsonl > /dev/null
check $? "host: the log verifies"

# --- one cgroup
mkdir -p /sys/fs/cgroup/watched/inner
sed 's#^status_file.*#&\nscope: {cgroup: /sys/fs/cgroup/watched}\nagent: off\nwal: off#; s#alerts.jsonl#cgroup.jsonl#' /t/vedette.yaml > /tmp/cgroup.yaml
rm -f /tmp/run/status.json
begun=$(now_ms)
vedette daemon -c /tmp/cgroup.yaml 2> /tmp/err &
daemon=$!
wait_for /tmp/run/status.json
took_off=$(($(now_ms) - begun))
vedette status /tmp/run/status.json > /tmp/status.txt
grep -q 'the write-ahead log is off' /tmp/err && grep -q 'no agent is kept' /tmp/err && grep -q '^evidence .*(agent: off); there is no write-ahead log (wal: off)' /tmp/status.txt
check $? "agent: off, wal: off: told at the start and by status ($(grep '^evidence' /tmp/status.txt))"
head -n 1 /tmp/log/cgroup.jsonl | grep -q '"evidence":{"agent":"new","log":"file"}'
check $? "agent: off, wal: off: told by the first record"
cat /tmp/marked-one > /dev/null
sh -c 'echo $$ > /sys/fs/cgroup/watched/inner/cgroup.procs; exec cat /tmp/marked-one' > /dev/null
sh -c 'echo $$ > /sys/fs/cgroup/watched/cgroup.procs; exec cat /tmp/marked-one' > /dev/null
sleep 2
kill -TERM $daemon
wait $daemon
[ "$(alerts marked-open /tmp/log/cgroup.jsonl)" -eq 2 ]
check $? "cgroup: only what runs below it is seen ($(alerts marked-open /tmp/log/cgroup.jsonl) alerts)"

mkdir -p /tmp/cg
mount --bind /sys/fs/cgroup/watched /tmp/cg
sed "s#scope:.*#scope: {cgroup: /tmp/cg/inner}#" /tmp/cgroup.yaml > /tmp/c.yaml
vedette daemon -c /tmp/c.yaml > /tmp/out 2>&1
[ $? -eq 1 ] && grep -q 'cgroup namespace or a bind mount' /tmp/out
check $? "cgroup: a false root is refused ($(tail -n 1 /tmp/out))"

# --- after a daemon that kept neither agent nor write-ahead log; kill -9 under load, and a start
sed 's#^status_file.*#&\nagent: {folder: /tmp/up/lib/agent}\nwal: {folder: /tmp/up/lib/wal}#; s#alerts.jsonl#cgroup.jsonl#' /t/vedette.yaml > /tmp/up.yaml
log=/tmp/log/cgroup.jsonl
step=86400 # the clock is set forth under the first, and back under the next
for how in KILL TERM; do
	rm -f /tmp/run/status.json /tmp/calm
	begun=$(now_ms)
	vedette daemon -c /tmp/up.yaml 2>> /tmp/up.err &
	daemon=$!
	wait_for /tmp/run/status.json
	took=$(($(now_ms) - begun))
	(while [ ! -e /tmp/calm ]; do cat /tmp/marked-one > /dev/null; sleep 0.02; done) &
	sleep 1
	date -s "@$(($(date +%s) + step))" > /dev/null
	sleep 1
	kill -$how $daemon
	: > /tmp/calm
	wait $daemon
	ended=$?
	step=-172800
	[ $how = TERM ] || cp $log /tmp/given # what a sink was given, it may have acknowledged
done
check $ended "killed: the next one is ended well"
# on an emulated processor a figure, no judgement: test_wal_kill measures the start
echo "# killed: with evidence of before, the start takes $((took - took_off)) ms longer than without any ($took)"
vedette verify --complete --key $log.1.pub $log.1 > /tmp/out 2>&1 && grep -q 'the earlier log .* is now /tmp/log/cgroup.jsonl.1' /tmp/up.err
check $? "upgraded: the log of the daemon before verifies, with its own key beside it ($(cat /tmp/out))"
[ "$(alerts marked-open /tmp/given)" -gt 5 ] && head -c "$(stat -c %s /tmp/given)" $log | cmp -s - /tmp/given
check $? "killed: what its file held is there, byte by byte ($(wc -l < /tmp/given) lines, $(alerts marked-open /tmp/given) alerts)"
vedette verify --key $log.pub /tmp/given > /tmp/out
[ $? -eq 0 ] && grep -q '^open-ended after' /tmp/out
check $? "killed: the log is open-ended, and says so: $(cat /tmp/out)"
vedette verify --complete --key $log.pub /tmp/given > /dev/null
[ $? -eq 1 ]
check $? "killed: it is not complete"
vedette keys show --folder /tmp/up/lib/agent > /dev/null && head -n 1 $log.pub > /tmp/first.pub && vedette verify --json --key /tmp/first.pub $log > /tmp/out 2>&1 && [ "$(sed -E 's/.*"stream":"([^"]*)","time".*/\1/' $log | uniq | wc -l)" -eq 2 ]
check $? "killed: both runs verify as one log, by the first key alone, and though the clock was set ($(head -c 300 /tmp/out))"

# --- bad surroundings: a clear message, the right status, no crash
refused() { # refused STATUS TEXT COMMAND...
	want=$1 text=$2
	shift 2
	"$@" > /tmp/out 2>&1
	got=$?
	[ $got -eq "$want" ] && { [ -z "$text" ] || grep -q "$text" /tmp/out; }
	check $? "refused: '$text', status $want (got $got: $(tail -n 1 /tmp/out))"
}
mkdir /tmp/small
mount -t tmpfs -o size=16k none /tmp/small
dd if=/dev/zero of=/tmp/small/fill bs=1k count=16 2> /dev/null
refused 125 'No space left' vedette run --quiet --rules /t/daemon_rules.yaml --output /tmp/small/a.jsonl -- true
rm /tmp/small/fill
# the disk fills up while records come: they wait, the command goes on, the end is told
vedette run --quiet --rules /t/daemon_rules.yaml --events --output /tmp/small/b.jsonl -- sh -c 'i=0; while [ $i -lt 200 ]; do cat /tmp/marked-one > /dev/null; i=$((i+1)); done; exit 7' 2> /tmp/err
[ $? -eq 125 ] && grep -q 'No space left' /tmp/err
check $? "full disk: told, and the run fails ($(tail -n 1 /tmp/err))"
vedette verify --key /tmp/small/b.jsonl.pub /tmp/small/b.jsonl > /tmp/out
check $? "full disk: what was written verifies ($(cat /tmp/out))"
umount /tmp/small
# a daemon with its evidence on a full disk: it starts, says so, and goes on when there is room
mount -t tmpfs -o size=256k none /tmp/small
vedette keys init --folder /tmp/small/agent > /tmp/full.key
dd if=/dev/zero of=/tmp/small/fill bs=4k count=999 2> /dev/null
sed 's#^status_file.*#&\nagent: {folder: /tmp/small/agent}\nwal: {folder: /tmp/small/wal}#; s#alerts.jsonl#full.jsonl#' /t/vedette.yaml > /tmp/full.yaml
rm -f /tmp/run/status.json
vedette daemon -c /tmp/full.yaml 2> /tmp/err &
daemon=$!
wait_for /tmp/run/status.json
cat /tmp/marked-one > /dev/null
sleep 2
vedette status /tmp/run/status.json > /tmp/status.txt
grep -q '^degraded  the write-ahead log, or its disk, is full' /tmp/status.txt
check $? "full disk: the daemon starts, and status says what is wrong ($(grep '^degraded' /tmp/status.txt | head -n 2 | tr '\n' ';'))"
mount -o remount,size=64m /tmp/small
i=0; while [ "$(alerts marked-open /tmp/log/full.jsonl)" -lt 1 ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
kill -TERM $daemon
wait $daemon
check $? "full disk: with room again it ends well ($(tail -n 1 /tmp/err))"
[ "$(alerts marked-open /tmp/log/full.jsonl)" -ge 1 ] && vedette verify --complete --key /tmp/full.key /tmp/log/full.jsonl > /tmp/out 2>&1
check $? "full disk: the alert of then is there, and the log verifies ($(cat /tmp/out))"
umount /tmp/small
mount -t tmpfs -o ro none /tmp/small
refused 1 'agent: off' vedette daemon -c /tmp/full.yaml --check
grep -q 'Read-only file system' /tmp/out && grep -q 'wal: off' /tmp/out
check $? "read-only: --check says why, and what to do about either folder"
refused 1 'wal: off' vedette daemon -c /tmp/full.yaml
grep -q '/tmp/small/wal: .*Read-only file system' /tmp/out
check $? "read-only: so does a start ($(grep -c . /tmp/out) lines)"
refused 125 'not a folder\|Is a directory\|directory' vedette run --quiet --rules /t/daemon_rules.yaml --output /tmp -- true
refused 1 'not a folder of the cgroup\|cgroup' sh -c 'sed "s#scope:.*#scope: {cgroup: /nowhere}#" /tmp/cgroup.yaml > /tmp/c.yaml; exec vedette daemon -c /tmp/c.yaml'
mkdir /tmp/closed && chmod 000 /tmp/closed && chmod 755 /tmp
refused 1 'Permission denied' su tester -c 'vedette check /tmp/closed'
refused 125 'root' su tester -c 'vedette run --quiet --rules /t/daemon_rules.yaml -- true'
refused 126 'Permission denied' vedette run --quiet --rules /t/daemon_rules.yaml -- /etc/passwd
refused 127 'No such file' vedette run --quiet --rules /t/daemon_rules.yaml -- /no/such/program
refused 137 '' vedette run --quiet --rules /t/daemon_rules.yaml -- sh -c 'kill -KILL $$'
refused 1 '' vedette run --quiet --rules /t/daemon_rules.yaml --fail-on high -- cat /tmp/marked-one
refused 0 '' vedette run --quiet --rules /t/daemon_rules.yaml --fail-on critical -- cat /tmp/marked-one
