# SPDX-License-Identifier: Apache-2.0
# In a Debian guest: the daemon with the rules of /t/rules.d, then the scripts of /t/atomics in order; /var/log/vedette has alerts and times.
# What the tests need of the system is set up before the watch begins; what cannot be had without a network is missing, as said in the docs.
insmod /t/modules/dummy.ko
ip link add dummy0 type dummy 2> /dev/null
ip addr add 10.0.2.15/24 dev dummy0
ip link set dummy0 up
ip route add default dev dummy0
echo 'nameserver 10.0.2.3' > /etc/resolv.conf
mkdir -p /opt/atomics/T1055.009/bin /opt/atomics/T1568.002/src /tmp/T1547.006 /var/spool/mail /tmp/victim-files /tmp/victim-folder /root/.ssh
for name in inplace_instruction_overwrite instruction_overwrite_jump got_injection return_address_overwrite \
	rop_mprotect_return_address_overwrite return_address_overwrite_fullROPchain; do
	cp /t/inject /opt/atomics/T1055.009/bin/$name
done
cp /t/modules/veth.ko /tmp/T1547.006/T1547006.ko
cat > /opt/atomics/T1568.002/src/T1568.002.py <<'END'
import random, string, subprocess
for i in range(10):
    name = "".join(random.choice(string.ascii_lowercase) for _ in range(12)) + ".com"
    subprocess.run(["dig", "+short", "+time=1", "+tries=1", name])
END
echo mail > /var/spool/mail/somebody
touch /tmp/T1070.006-access.txt /tmp/T1070.006-modification.txt /tmp/victim-shred.txt /tmp/victim-files/T1070.004-test.txt
useradd -m testuser1 && echo 'testuser1:pwd101!' | chpasswd

mkdir -p /var/log/vedette /run/vedette
printf 'rules: [/t/rules.d, /t/rules]\noutput: {file: /var/log/vedette/alerts.jsonl}\nstatus_file: /run/vedette/status.json\n' > /etc/vedette.yaml
[ ! -e /t/pair.sh ] || { . /t/pair.sh; pair_start /etc/vedette.yaml; }
vedette daemon -c /etc/vedette.yaml 2> /tmp/err &
daemon=$!
i=0
while [ ! -s /run/vedette/status.json ] && [ $i -lt 1800 ] && kill -0 $daemon; do sleep 0.1; i=$((i + 1)); done
[ -s /run/vedette/status.json ] || { sed 's/^/# /' /tmp/err; echo "not ok - the daemon was not ready in 180 s"; exit 1; }
sleep 2
now() { cut -d ' ' -f 1 /proc/uptime; }
cd /root || exit 1
for folder in /t/atomics/*; do
	number=${folder##*/}
	"$folder/prepare" > /dev/null 2>&1 < /dev/null
	# a history to be cleared, as a person has one
	rm -f /root/.bash_history
	echo ls > /root/.bash_history
	systemctl is-active --quiet cron || systemctl start cron
	sleep 0.5
	begin=$(now)
	timeout 15 "$folder/run" > /tmp/out 2>&1 < /dev/null
	sleep 0.5
	echo "$number $begin $(now)" >> /var/log/vedette/times
	timeout 15 "$folder/cleanup" > /dev/null 2>&1 < /dev/null
done
sleep 3
cp /run/vedette/status.json /var/log/vedette/
[ ! -e /t/pair.sh ] || pair_stop /var/log/vedette
kill -TERM $daemon
wait $daemon
status=$?
sed 's/^/# /' /tmp/err
exit $status
