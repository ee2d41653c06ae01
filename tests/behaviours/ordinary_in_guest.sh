# SPDX-License-Identifier: Apache-2.0
# In a Debian guest that booted under the enforcing default policy: a day's ordinary work under it and the rules that are installed by default.
. /t/blocks.sh
say() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
vedette status > /tmp/out 2>&1
grep -q '^enforces  yes' /tmp/out && systemctl stop vedette && blocks > /tmp/out && [ ! -s /tmp/out ]
say $? "it booted to multi-user while rules block, and nothing was blocked ($(head -n 2 /tmp/out))"
mv /var/log/vedette/alerts.jsonl /var/log/vedette/boot.jsonl
rm -f /run/vedette/status.json
cat > /etc/vedette.yaml <<'END'
rules: [/t/rules, /t/enforce-default.yaml]
enforce: true
protect: false
output: {file: /var/log/vedette/alerts.jsonl}
status_file: /run/vedette/status.json
END
mkdir -p /var/log/vedette /run/vedette
# before the watch begins: what writes cron files is to be noticed
echo '* * * * * root /bin/touch /run/cron-was-here' > /etc/cron.d/ordinary
[ ! -e /t/pair.sh ] || { . /t/pair.sh; pair_start /etc/vedette.yaml; }
vedette daemon -c /etc/vedette.yaml 2> /tmp/err &
daemon=$!
i=0
while [ ! -s /run/vedette/status.json ] && [ $i -lt 1800 ] && kill -0 $daemon; do sleep 0.1; i=$((i + 1)); done
[ -s /run/vedette/status.json ] || { sed 's/^/# /' /tmp/err; echo "not ok - the daemon was not ready in 180 s"; exit 1; }
sleep 2
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update > /tmp/out 2>&1 && apt-get -qq install -y hello tree >> /tmp/out 2>&1 && hello > /dev/null && apt-get -qq purge -y tree >> /tmp/out 2>&1
say $? "packages are installed and removed"

mkdir -p /root/project && cd /root/project || exit 1
printf '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n' > main.c
printf 'all: prog\nprog: main.o\n\tgcc -o $@ $^\nmain.o: main.c\n\tgcc -O2 -c -o $@ $<\n' > Makefile
make > /tmp/out 2>&1 && [ "$(./prog)" = built ]
say $? "a program is compiled and run"

tar -C / -czf /tmp/backup.tar.gz etc root/project 2> /dev/null && mkdir -p /tmp/restore && tar -C /tmp/restore -xzf /tmp/backup.tar.gz && rm -r /tmp/restore /tmp/backup.tar.gz
say $? "a backup is made, restored and removed"

i=0
while [ ! -e /run/cron-was-here ] && [ $i -lt 130 ]; do sleep 1; i=$((i + 1)); done
[ -e /run/cron-was-here ]
say $? "a cron job ran"

ssh root@localhost 'id; ls /; cat /etc/hostname' > /tmp/out 2>&1 && ssh tester@localhost 'ps ax; df' >> /tmp/out 2>&1 && scp -q /etc/hostname tester@localhost:copied
say $? "logins and a copy by ssh"

systemctl restart cron && systemctl status cron > /dev/null && journalctl -n 5 > /dev/null 2>&1
say $? "a service is restarted and looked at"

python3 -c 'import json, socket, subprocess; subprocess.run(["date"], check=True, stdout=subprocess.DEVNULL); json.dumps(socket.gethostname())'
say $? "a Python program runs others"

find / -xdev -name '*.conf' > /dev/null 2>&1; grep -r localhost /usr/share/doc > /dev/null 2>&1
say 0 "files are searched"

sleep 3
blocks > /tmp/out
[ ! -s /tmp/out ]
say $? "nothing of it was blocked ($(head -n 2 /tmp/out))"
cp /run/vedette/status.json /var/log/vedette/
[ ! -e /t/pair.sh ] || pair_stop /var/log/vedette
kill -TERM $daemon
wait $daemon
say $? "the daemon ends well"
sed 's/^/# /' /tmp/err
