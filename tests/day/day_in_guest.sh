# SPDX-License-Identifier: Apache-2.0
# In a Debian guest that booted under the enforcing default policy: a day's work, in which nothing may be blocked; then what intruders do, each act of
# which has to be.
. /t/blocks.sh
bad=0
say() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; tail -n 12 /tmp/out | sed 's/^/# /'; fi; }
export DEBIAN_FRONTEND=noninteractive
: > /tmp/out

# --- boot ------------------------------------------------------------------------------------------------------------------------
vedette status > /tmp/out 2>&1
grep -q '^enforces  yes' /tmp/out && grep -q '^protected on' /tmp/out
say $? "it boots to multi-user while rules block"
systemctl --failed --plain --no-legend | while read -r unit _; do systemctl --no-pager --lines 5 status "$unit"; done > /tmp/out 2>&1
[ ! -s /tmp/out ]
say $? "no unit failed at the start"

# --- people ------------------------------------------------------------------------------------------------------------------------
{ useradd -m worker && echo 'worker:secret' | chpasswd && usermod -aG games worker && groupadd crew && gpasswd -a worker crew && chage -M 90 worker &&
	usermod -p "$(sed -n 's/^worker:\([^:]*\):.*/\1/p' /etc/shadow)" worker && chsh -s /bin/sh worker && groupdel crew; } > /tmp/out 2>&1
say $? "accounts and groups are made and changed"
{ echo 'worker ALL=(root) NOPASSWD: /usr/bin/id' | EDITOR=tee visudo -f /etc/sudoers.d/worker && su worker -c 'sudo -n id -u' | grep -qx 0; } > /tmp/out 2>&1
say $? "a rule of sudo is made with visudo and used"
{ ssh root@localhost 'id; ls /; tail -n 1 /etc/shadow' && ssh tester@localhost 'ps ax; df' && scp -q /etc/hostname tester@localhost:copied &&
	sshpass -p secret ssh -o PubkeyAuthentication=no -o StrictHostKeyChecking=no worker@localhost 'id -un' | grep -qx worker; } > /tmp/out 2>&1
say $? "logins by ssh, by key and by password"
{ chage -d 0 worker && printf 'secret\nsecret\nSomething#New1\nSomething#New1\n' > /tmp/answers && python3 - <<-'P'
	import os, pty, sys, time
	pid, fd = pty.fork()
	if pid == 0:
	    os.execvp("su", ["su", "tester", "-s", "/bin/sh", "-c", "su worker -c true"])
	answers = [line.encode() for line in open("/tmp/answers")]
	seen = b""
	try:
	    while True:
	        got = os.read(fd, 1000)
	        if not got:
	            break
	        seen += got
	        if got.rstrip().endswith(b":") and answers:
	            time.sleep(0.5)
	            os.write(fd, answers.pop(0))
	except OSError:
	    pass
	print(seen.decode(errors="replace"))
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	P
} > /tmp/out 2>&1
say $? "a password that is over is changed at login"

# --- packages -------------------------------------------------------------------------------------------------------------------------
{ apt-get -qq update && apt-get -qq install -y hello tree && hello && apt-get -qq purge -y tree; } > /tmp/out 2>&1
say $? "packages are installed and removed"
apt-get -qq install -y --reinstall systemd sudo passwd libpam-modules openssh-server libc6 > /tmp/out 2>&1
say $? "packages of what checks passwords are put in place anew"
su worker -c 'sudo -n id -u' 2>&1 | grep -qx 0
say $? "and work"

# --- work -----------------------------------------------------------------------------------------------------------------------------
mkdir -p /root/project && cd /root/project || exit 1
printf '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n' > main.c
printf 'all: prog\nprog: main.o\n\tgcc -o $@ $^\nmain.o: main.c\n\tgcc -O2 -c -o $@ $<\ninstall: prog\n\tinstall -D prog $(DESTDIR)/usr/local/bin/prog\n' > Makefile
{ make && make install && prog && make DESTDIR=/tmp/stage install && /tmp/stage/usr/local/bin/prog | grep -qx built; } > /tmp/out 2>&1
say $? "a program is compiled, installed and run, and run from /tmp"
{ tar -C / -czf /tmp/backup.tar.gz etc root/project && mkdir -p /tmp/restore && tar -C /tmp/restore -xzf /tmp/backup.tar.gz && cp -a /etc /tmp/etc && rm -r /tmp/restore /tmp/etc; } > /tmp/out 2>&1
say $? "a backup of /etc is made and restored elsewhere"
python3 -c 'import subprocess, multiprocessing as m; subprocess.run(["date"], check=True); p = m.Pool(2); print(p.map(abs, range(4)))' > /tmp/out 2>&1
say $? "a Python program runs others, and workers with shared memory"
echo '* * * * * root /bin/touch /run/cron-was-here' > /etc/cron.d/ordinary
rm -f /run/cron-was-here

# --- services --------------------------------------------------------------------------------------------------------------------------
{ systemctl restart cron && systemctl daemon-reload && systemctl daemon-reexec && systemd-run --wait -q -p DynamicUser=yes -p PrivateTmp=yes -p ProtectSystem=strict \
	-p ProtectHome=yes -p PrivateDevices=yes true && systemd-sysusers && journalctl -n 5; } > /tmp/out 2>&1
say $? "services are restarted, and sandboxed"
{ apt-get -qq install -y postgresql && systemctl start postgresql && su postgres -c 'psql -qtc "create table t (n int); insert into t values (41); update t set n = n + 1"' &&
	systemctl restart postgresql && sleep 3 && su postgres -c 'psql -qAtc "select n from t"' | grep -qx 42 && systemctl stop postgresql; } > /tmp/out 2>&1
say $? "a database is installed, started, asked, restarted and stopped"

# --- containers ------------------------------------------------------------------------------------------------------------------------
mkdir -p /srv/box/one/rootfs/bin /srv/box/one/rootfs/etc
cp /usr/bin/busybox /srv/box/one/rootfs/bin/
for applet in sh true mv cat; do ln -sf busybox /srv/box/one/rootfs/bin/$applet; done
touch /srv/box/one/rootfs/etc/passwd /srv/box/one/rootfs/etc/group /srv/box/one/rootfs/etc/shadow
(cd /srv/box/one && runc spec && python3 - <<-'P'
	import json
	c = json.load(open("config.json"))
	c["process"]["terminal"] = False
	c["process"]["args"] = ["/bin/sh", "-c", "echo guest:x:1:1::/: > /etc/new && mv /etc/new /etc/passwd && cat /etc/passwd"]
	c["root"]["readonly"] = False
	json.dump(c, open("config.json", "w"))
	P
)
for runtime in runc crun; do
	: > /srv/box/one/rootfs/etc/passwd
	$runtime run --bundle /srv/box/one one-$runtime > /tmp/out 2>&1 && grep -q '^guest:' /tmp/out
	say $? "a container of $runtime, which makes an account of its own"
done
tar -C /srv/box/one/rootfs -cf /srv/box/image.tar .
{ podman import -q /srv/box/image.tar registry.example/pod:2.0 && podman run --network none --name pod registry.example/pod:2.0 /bin/sh -c 'echo more:x:1:1::/: >> /etc/passwd && cat /etc/passwd' | grep -q '^more:' &&
	podman rm --force pod; } > /tmp/out 2>&1
say $? "a container of podman"

# --- what looks like an attack -------------------------------------------------------------------------------------------------------------
. /t/twins.sh

i=0
while [ ! -e /run/cron-was-here ] && [ $i -lt 130 ]; do sleep 1; i=$((i + 1)); done
[ -e /run/cron-was-here ]
say $? "a cron job ran"
sleep 3
blocks > /tmp/out
[ ! -s /tmp/out ]
say $? "nothing of the day was blocked ($(wc -l < /tmp/out) acts)"
sed 's/^/# blocked: /' /tmp/out

. /t/attacks.sh
exit $bad
