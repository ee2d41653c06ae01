# SPDX-License-Identifier: Apache-2.0
# In a Debian guest that counts instructions: a compile and a churn of files with no daemon, with one that detects by the rules installed by default, and
# with one that enforces 1,000 rules that block as well. All of it in memory: no disk is waited for.
mount -t tmpfs tmpfs /srv
mkdir -p /srv/churn /srv/build /var/log/vedette /run/vedette
cd /srv/build || exit 1
i=0
while [ $i -lt 6 ]; do
	{
		printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n#include <sys/socket.h>\n#include <netinet/in.h>\n'
		k=0
		while [ $k -lt 30 ]; do
			printf 'int part%d_%d(int n, char *s)\n{\n\tint sum = 0;\n\tfor (int i = 0; i < n; i++)\n\t\tsum += s[i] * %d + (int)strlen(s + i);\n\tprintf("%%d", sum);\n\treturn sum;\n}\n' $i $k $k
			k=$((k + 1))
		done
	} > part$i.c
	i=$((i + 1))
done
printf 'all:\n\tfor i in 0 1 2 3 4 5; do gcc -O1 -c -o part$$i.o part$$i.c || exit 1; done\n' > Makefile
systemctl stop cron ssh systemd-journald.socket systemd-journald > /dev/null 2>&1
measure() {
	echo "@ $1 compile $(/t/workload run make -s)"
	echo "@ $1 churn $(/t/workload churn /srv/churn 2000)"
}
# with_daemon CASE OPTION...
with_daemon() {
	name=$1
	shift
	rm -f /run/vedette/status.json
	printf '%s\n' "$@" 'output: {file: /srv/alerts.jsonl}' 'status_file: /run/vedette/status.json' 'policy: off' 'agent: off' 'wal: off' > /srv/config.yaml
	vedette daemon -c /srv/config.yaml 2> /srv/err &
	i=0
	while [ ! -s /run/vedette/status.json ] && [ $i -lt 600 ]; do sleep 0.2; i=$((i + 1)); done
	[ -s /run/vedette/status.json ] || { cat /srv/err; exit 1; }
	sleep 3
	measure "$name"
	vedette stop
	wait
	tail -n 1 /srv/alerts.jsonl | grep -o '"totals":{[^}]*}'
	rm -f /srv/alerts.jsonl
}
/t/workload run make -s > /dev/null # everything is in memory from now on
measure off
with_daemon detect 'rules: [/t/rules]'
with_daemon enforce 'rules: [/t/rules, /t/block.yaml]' 'enforce: true'
