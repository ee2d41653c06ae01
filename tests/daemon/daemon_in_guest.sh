# SPDX-License-Identifier: Apache-2.0
# In the guest: the daemon over the whole host, over one cgroup, and with bad surroundings.
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
wait_for() { # wait_for FILE: the daemon has started
	i=0
	while [ ! -s "$1" ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
}
alerts() { grep -c "\"rule\":{[^}]*\"id\":\"$1\"" "$2"; }

# --- the whole host
vedette daemon -c /t/vedette.yaml 2> /tmp/err &
daemon=$!
wait_for /tmp/run/status.json
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
sed 's#^status_file.*#&\nscope: {cgroup: /sys/fs/cgroup/watched}#; s#alerts.jsonl#cgroup.jsonl#' /t/vedette.yaml > /tmp/cgroup.yaml
rm -f /tmp/run/status.json
vedette daemon -c /tmp/cgroup.yaml 2> /tmp/err &
daemon=$!
wait_for /tmp/run/status.json
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

# --- kill -9: the log stays verifiable, open-ended
rm -f /tmp/run/status.json
vedette daemon -c /t/vedette.yaml 2> /tmp/err &
daemon=$!
wait_for /tmp/run/status.json
cat /tmp/marked-one > /dev/null
sleep 2
kill -KILL $daemon
wait $daemon
vedette verify --key /tmp/log/alerts.jsonl.pub /tmp/log/alerts.jsonl > /tmp/out
[ $? -eq 0 ] && grep -q '^open-ended after' /tmp/out
check $? "killed: the log is open-ended, and says so: $(cat /tmp/out)"
vedette verify --complete --key /tmp/log/alerts.jsonl.pub /tmp/log/alerts.jsonl > /dev/null
[ $? -eq 1 ]
check $? "killed: it is not complete"
vedette verify --complete --key /tmp/log/alerts.jsonl.1.pub /tmp/log/alerts.jsonl.1 > /dev/null
check $? "killed: the log before was kept and still verifies"

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
