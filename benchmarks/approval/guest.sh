# SPDX-License-Identifier: Apache-2.0
# In a Debian guest: for each set of rules a daemon, a compile and a package's installation, and what became of the opens in each.
export DEBIAN_FRONTEND=noninteractive
cat > /tmp/count.py <<'END'
import json, sys, time
def now():
    return json.load(open("/run/vedette/status.json"))["events"]["file.open"]
what, command = sys.argv[1], sys.argv[2]
import subprocess
time.sleep(2.5)
before = now()
subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
time.sleep(2.5)
after = now()
sent, dropped = (after[k] - before[k] for k in ("produced", "filtered"))
print(f"{what}: {sent + dropped} opens, {dropped} dropped in the kernel: {100 * dropped / max(1, sent + dropped):.1f} %", flush=True)
END
# a program of 24 files over the usual headers
mkdir -p /srv/build && cd /srv/build || exit 1
i=0
while [ $i -lt 24 ]; do
	printf '#include <errno.h>\n#include <fcntl.h>\n#include <pthread.h>\n#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n' > f$i.c
	printf '#include <sys/socket.h>\n#include <sys/stat.h>\n#include <time.h>\n#include <unistd.h>\nint f%d(void) { return %d; }\n' $i $i >> f$i.c
	i=$((i + 1))
done
echo 'int main(void) { return 0; }' > main.c
printf 'all: prog\nprog: $(patsubst %%.c,%%.o,$(wildcard *.c))\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -O1 -c -o $@ $<\n' > Makefile
apt-get -qq update > /dev/null 2>&1
for rules in rules keyed all; do
	mkdir -p /var/log/vedette /run/vedette
	rm -f /run/vedette/status.json
	printf 'rules: [/t/%s]\noutput: {file: /var/log/vedette/%s.jsonl}\nstatus_file: /run/vedette/status.json\nagent: off\nwal: off\n' $rules $rules > /etc/vedette.yaml
	vedette daemon -c /etc/vedette.yaml 2> /tmp/err &
	daemon=$!
	i=0
	while [ ! -s /run/vedette/status.json ] && [ $i -lt 900 ] && kill -0 $daemon; do sleep 0.1; i=$((i + 1)); done
	[ -s /run/vedette/status.json ] || { cat /tmp/err; exit 1; }
	python3 /tmp/count.py "$rules, a compile" 'rm -f *.o prog; make' || exit 1
	python3 /tmp/count.py "$rules, a package" 'apt-get -qq install -y tree && apt-get -qq purge -y tree' || exit 1
	kill -TERM $daemon
	wait $daemon || cat /tmp/err
done
