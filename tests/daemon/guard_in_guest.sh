# SPDX-License-Identifier: Apache-2.0
# In a Debian guest: systemd starts, reloads, restarts and stops a daemon that protects itself; others do not.
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
log=/var/log/vedette/sink.jsonl
key=/var/log/vedette/alerts.jsonl.pub
mkdir -p /etc/vedette/rules /var/lib/vedette
cp /t/block_rules.yaml /etc/vedette/rules/one.yaml
cat > /etc/vedette/vedette.yaml <<'C'
rules: [/etc/vedette/rules]
enforce: true
protect_paths: [/etc/systemd/system/vedette.service]
output: {heartbeat: 1s}
agent: {folder: /var/lib/vedette/agent}
wal: {folder: /var/lib/vedette/wal}
sinks:
  - {name: local, type: file, path: /var/log/vedette/sink.jsonl, rotate: {size: 40KiB, keep: 200}}
  - {name: hook, type: webhook, required: false, url_file: /etc/vedette/hook.url, auth: {token: /etc/vedette/hook.token}, allow_private: true, timeout: 1s}
C
(umask 077; echo http://127.0.0.1:9/x > /etc/vedette/hook.url; echo secret-token > /etc/vedette/hook.token)
cat > /etc/systemd/system/vedette.service <<'U'
[Unit]
Description=Vedette
[Service]
Type=exec
ExecStart=/usr/local/bin/vedette daemon -c /etc/vedette/vedette.yaml
ExecReload=/bin/kill -HUP $MAINPID
LimitMEMLOCK=infinity
TimeoutStopSec=60
U
systemctl daemon-reload
ready() { i=0; while [ $i -lt 900 ]; do vedette status --control /run/vedette/control.sock --json 2> /dev/null | grep -q '"state":"on"' && return 0; sleep 0.2; i=$((i + 1)); done; return 1; }
main() { systemctl show -p MainPID --value vedette; }
systemctl start vedette && ready
check $? "systemctl start: it is protected"
pid=$(main)
kill -KILL "$pid" 2> /dev/null
[ $? -ne 0 ] && kill -0 "$pid"
check $? "kill -KILL by root: refused"
systemctl kill -s STOP vedette 2> /dev/null
sleep 0.5
grep -q '^State:.[^T]' "/proc/$pid/status"
check $? "systemctl kill -s STOP: process 1 may not halt it"
(echo 1 > /sys/fs/cgroup/system.slice/vedette.service/cgroup.kill) 2> /dev/null
[ $? -ne 0 ] && kill -0 "$pid"
check $? "cgroup.kill: refused"
(echo 1 > /sys/fs/cgroup/system.slice/cgroup.kill) 2> /dev/null
[ $? -ne 0 ] && kill -0 "$pid"
check $? "cgroup.kill of the slice: refused"
# shellcheck disable=SC2016 # the other shell's
sh -c 'bad=0 n=0; for f in /var/lib/vedette/wal/*.wal /var/lib/vedette/wal/*.cursor /var/lib/vedette/agent/agent; do (echo x >> "$f") 2> /dev/null && bad=1; [ -e "$f" ] && n=$((n + 1)); rm "$f" 2> /dev/null && bad=1; done
	[ $n -ge 4 ] || bad=1 # a segment, two cursors, the agent
	echo x > /var/lib/vedette/wal/new 2> /dev/null && bad=1; mv /var/lib/vedette/wal /var/lib/vedette/gone 2> /dev/null && bad=1; mv /var/lib/vedette /var/lib/gone 2> /dev/null && bad=1; exit $bad'
check $? "agent and write-ahead log: nothing is changed, made, removed or renamed there, nor the folder above"
(echo x >> /etc/systemd/system/vedette.service) 2> /dev/null
[ $? -ne 0 ]
check $? "its unit file, in protect_paths: refused"
for i in $(seq 200); do [ -e $log.2 ] && break; sleep 0.5; done
sleep 2
bad=
for f in $log $log.1 $log.2 /etc/vedette/hook.url /etc/vedette/hook.token $key; do
	(: >> $f) 2> /dev/null && bad="$bad $f"
	mv $f $f.moved 2> /dev/null && bad="$bad $f"
done
[ -z "$bad" ] && [ -e $log.2 ]
check $? "what a sink writes, also after a rotation, and its secrets: refused$bad"
journalctl -u vedette -o cat | grep -q 'watching host in lsm mode.*log: /var/lib/vedette/wal; sinks: local /var/log/vedette/sink.jsonl, hook$'
check $? "it says where its records go ($(journalctl -u vedette -o cat | grep watching))"
systemctl set-property --runtime vedette CPUWeight=200
check $? "systemctl set-property: process 1 may"
reloaded() { i=0; while [ $i -lt 300 ]; do grep -q '"dataset":"vedette.reload"' $log* && return 0; sleep 0.2; i=$((i + 1)); done; return 1; }
systemctl reload vedette && reloaded
check $? "systemctl reload"
# policies come and go, their files with them: no other file may inherit what kept others off those
printf -- '- rule: none\n  severity: low\n  event: process.exec\n  when: process.executable = /opt/none\n  action: block\n' > /root/p.yaml
for i in 1 2 3 4 5; do
	vedette policy apply --name p$i --confirm 1h /root/p.yaml && vedette policy rollback && vedette policy apply --name p$i /root/p.yaml && vedette policy remove p$i
done > /root/policies.out 2>&1
check $? "policies are applied, taken back and removed ($(tail -n 1 /root/policies.out))"
bad=0
for i in $(seq 200); do echo x > /root/n.$i || bad=$((bad + 1)); echo x > /var/lib/vedette.$i || bad=$((bad + 1)); done 2> /dev/null
[ $bad -eq 0 ]
check $? "new files are anybody's: $bad of 400 refused"
# the example of allow-lists, enforced: an ordinary unit starts, and does no more than it may
sed -e 's/mode: detect/mode: enforce/' -e '/rollout:/d' /t/allow.yaml > /root/allow.yaml
mkdir -p /var/log/nginx
cp /bin/dash /usr/sbin/nginx
cat > /etc/systemd/system/web.service <<'U'
[Service]
ExecStart=/usr/sbin/nginx -c 'echo x > /var/log/nginx/may; echo x > /var/tmp/may-not; /bin/true; echo "true: $$?"; kill -STOP $$$$'
User=tester
PrivateTmp=yes
OOMScoreAdjust=100
StandardOutput=append:/var/log/nginx/out
StandardError=append:/var/log/nginx/out
U
chown tester /var/log/nginx
systemctl daemon-reload
vedette policy apply --name web /root/allow.yaml > /root/web.out 2>&1 && systemctl start web && sleep 2 && systemctl is-active --quiet web
check $? "allow-lists for a service: a unit with User=, PrivateTmp=, OOMScoreAdjust= and StandardOutput= starts ($(head -n 1 /root/web.out; systemctl show -p Result,ExecMainStatus web | tr '\n' ' '))"
[ -s /var/log/nginx/may ] && grep -q 'may-not.*not permitted' /var/log/nginx/out && grep -q 'true: 126' /var/log/nginx/out
check $? "allow-lists for a service: it writes its files, and no others, nor starts other programs ($(tr '\n' ' ' < /var/log/nginx/out))"
systemctl stop web
vedette policy remove web > /root/web.out 2>&1
check $? "allow-lists for a service: it ends, and they are removed"
mkdir -p /root/mine
python3 -c 'import ctypes, os; c = ctypes.CDLL(None, use_errno=True); print(c.mount(b"/root/mine", b"/etc/vedette/rules", b"none", 0x1000 | 0x100000, None), ctypes.get_errno())' > /root/mount.out
grep -q -- '^-1 1$' /root/mount.out
check $? "a folder bound over the rules, flagged as shared: refused ($(cat /root/mount.out))"
systemd-run --wait -q -p PrivateTmp=yes -p ProtectSystem=strict -p ProtectHome=yes -p PrivateDevices=yes true
check $? "a sandboxed service mounts over what it likes in its own namespace"
systemctl restart vedette && ready && [ "$(main)" != "$pid" ]
check $? "systemctl restart"
systemd=$(grep -h '"act":"' $log* | grep -c '"message":"systemd (process 1, user 0): [^s]')
[ "$systemd" -eq 0 ]
check $? "nothing of systemd's ordinary work was refused ($systemd acts)"
timeout 60 systemctl stop vedette && [ "$(systemctl show -p Result --value vedette)" = success ]
check $? "systemctl stop: it ended well ($(systemctl show -p Result --value vedette))"
tail -n 1 $log | grep -q '"reason":"signal 15 from process 1, user 0"'
check $? "systemctl stop: the log says who sent it: $(tail -n 1 $log | grep -o '"reason":"[^"]*"')"
vedette verify --complete --key $key $(ls -vr $log*) > /tmp/out 2>&1
check $? "the log verifies: $(head -n 1 /tmp/out)"
