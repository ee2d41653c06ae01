# SPDX-License-Identifier: Apache-2.0
# In the guest: the daemon with the rules of /t/rules.d, then every act of behave, one after the other.
insmod /t/modules/overlay.ko
insmod /t/modules/dummy.ko
ip link add dummy0 type dummy 2> /dev/null || ip link set dummy0 up
ip addr add 10.0.2.15/24 dev dummy0
ip link set dummy0 up
ip route add default dev dummy0
[ -e /etc/shadow ] || { echo 'root:*:19000:0:99999:7:::' > /etc/shadow; chmod 600 /etc/shadow; }
# What Docker leaves on disk of the containers that two of the acts ask to be privileged.
/t/behave --list | grep PrivilegedContainer | while read -r number where name; do
	folder=/var/lib/docker/containers/$(printf %064x "$number")
	mkdir -p "$folder"
	echo "{\"Name\":\"/$name\",\"Config\":{\"Image\":\"act\"}}" > "$folder/config.v2.json"
	echo '{"Privileged":true}' > "$folder/hostconfig.json"
	: "$where"
done
[ ! -e /t/pair.sh ] || { . /t/pair.sh; pair_start /t/behaviours.yaml; }
vedette daemon -c /t/behaviours.yaml 2> /tmp/err &
daemon=$!
i=0
while [ ! -s /tmp/run/status.json ] && [ $i -lt 1800 ] && kill -0 $daemon; do sleep 0.1; i=$((i + 1)); done
[ -s /tmp/run/status.json ] || { sed 's/^/# /' /tmp/err; echo "not ok - the daemon was not ready in 180 s"; exit 1; }
sleep 1
/t/behave --list | while read -r number where name; do
	/t/behave --run "$name" > /tmp/out 2>&1 || sed "s/^/# $name: /" /tmp/out
	rm -rf /tmp/acts /bin/act-* /dev/act-* /etc/act-* /lib/act-* /root/act-* /home/act /dev/shm/act*
	: "$number $where"
done
sleep 3
cp /tmp/run/status.json /tmp/log/status.json
[ ! -e /t/pair.sh ] || pair_stop /tmp/log
kill -TERM $daemon
wait $daemon
status=$?
[ $status -eq 0 ] || sed 's/^/# /' /tmp/err
exit $status
