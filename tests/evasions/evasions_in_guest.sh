# SPDX-License-Identifier: Apache-2.0
# In the guest: all rows under each load, then the judgement. LOADS in the environment: which (all of them).
set -u
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
await() { # await SECONDS COMMAND...
	i=$(($1 * 10)); shift
	while [ $i -gt 0 ] && ! "$@"; do sleep 0.1; i=$((i - 1)); done
	[ $i -gt 0 ]
}
answers() { vedette policy status > /dev/null 2>&1; }
log=/tmp/log/a.jsonl
kernel=$(uname -r | sed -E 's/^([0-9]+\.[0-9]+).*/\1/')
evade=/tmp/ev/tool
loads=${LOADS:-$(cat /t/loads 2> /dev/null || echo "idle busy reload stopped full")}

mkdir -p /tmp/ev/p/bin /tmp/ev/q/bin /tmp/ev/p/hung /tmp/ev/q/hung /tmp/ev/p/scripts /tmp/ev/q/scripts /tmp/ev/work /tmp/ev/disk /tmp/ev/root-p/usr/bin /usr/bin
mount -t ext4 /dev/guest/evasions /tmp/ev/disk || echo "not ok - the disk is mounted"
for m in overlay libcrc32c udp_tunnel ip6_udp_tunnel sctp binfmt_misc ib_core smc nls_cp437 nls_ascii fat vfat; do insmod /t/modules/$m.ko || echo "not ok - the module $m is loaded"; done
mkdir -p /tmp/ev/fat && mkdosfs /dev/guest/fat > /dev/null 2>&1 && mount -t vfat -o utf8 /dev/guest/fat /tmp/ev/fat || echo "not ok - a file system with long names is mounted"
long=$(printf 'é%.0s' $(seq 127))
for s in p q; do echo NONCE > "/tmp/ev/fat/long-$s$long"; done
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
for f in tool actor-p actor-q jailer keeper-p keeper-q p/bin/evade q/bin/evade; do cp /t/evade /tmp/ev/$f; done
for s in p q; do
	mkdir -p /tmp/ev/disk/$s
	for f in $s/bin/forbidden disk/$s/forbidden root-p/usr/bin/x copy-$s hard-$s; do cp /t/nonce /tmp/ev/$f; done
	for f in suid sgid; do cp /t/nonce /tmp/ev/$s/$f; done
	chmod 4755 /tmp/ev/$s/suid; chmod 2755 /tmp/ev/$s/sgid
	for f in script; do printf '#!/bin/sh\necho NONCE\n' > /tmp/ev/$s/bin/$f; done
	printf '#!/tmp/ev/%s/bin/forbidden\n' $s > /tmp/ev/script-$s
	printf 'echo NONCE\n' > /tmp/ev/$s/scripts/run
	cp /bin/vedette /tmp/ev/$s/dyn; cp /lib/x86_64-linux-gnu/libz.so.1 /tmp/ev/$s/so
	for f in secret ro; do echo NONCE > /tmp/ev/disk/$s/$f; done
	chmod 755 /tmp/ev/$s/bin/script /tmp/ev/script-$s
done
cp /t/nonce /usr/bin/x
ln -s / /tmp/ev/root-q
ln /tmp/ev/hard-p /tmp/ev/identity
for f in own inherited storm; do echo NONCE > /tmp/ev/$f; done
: > /tmp/ev/over
$evade lay || echo "not ok - the files are laid"
sync

device=$(stat -c %d /tmp)
sed -e "s/IDENTITY/$(stat -c %i /tmp/ev/identity)/" -e "s/DEVICE/$((device >> 8)):$((device & 255))/" /t/evasions_rules.yaml > /tmp/rules.yaml
cat > /tmp/config.yaml <<END
rules: [/tmp/rules.yaml]
enforce: true
protect: false
output: {file: $log, heartbeat: 5s}
rings: {priority: 1MiB, bulk: 1MiB}
status_file: /run/vedette/status.json
END
vedette daemon -c /tmp/config.yaml 2> /tmp/err &
daemon=$!
await 90 answers
check $? "the daemon answers"
answers || { cat /tmp/err; exit 1; }

storm() { while [ ! -e /tmp/ev/calm ]; do cat /tmp/ev/storm /tmp/ev/storm /tmp/ev/storm /tmp/ev/storm > /dev/null; done; }
run() {
	began=$(date +%s)
	$evade run /t/rows.tsv "$kernel" "$1" /tmp/attempts || echo "not ok - $1: the rows ran"
	echo "# $1: $(($(date +%s) - began)) s"
}
lost=0
for load in $loads; do
	case $load in
	busy)
		rm -f /tmp/ev/calm
		for n in $(seq "$(nproc)"); do storm & done
		run busy
		: > /tmp/ev/calm
		;;
	reload)
		rm -f /tmp/ev/calm
		(while [ ! -e /tmp/ev/calm ]; do vedette reload >> /tmp/reloads 2>&1 || echo failed >> /tmp/reloads; sleep 0.3; done) &
		run reload
		: > /tmp/ev/calm
		await 30 answers
		grep -q 'rules are in force' /tmp/reloads && ! grep -q failed /tmp/reloads; check $? "$(grep -c 'in force' /tmp/reloads) reloads meanwhile"
		;;
	stopped)
		kill -STOP $daemon; run stopped; kill -CONT $daemon; await 60 answers
		;;
	full)
		kill -STOP $daemon
		for n in $(seq 600); do /tmp/ev/copy-q > /dev/null; cat /tmp/ev/storm > /dev/null; done
		run full
		kill -CONT $daemon; await 60 answers
		;;
	*) run "$load" ;;
	esac
done
sleep 2
kill -TERM $daemon
wait $daemon
check $? "the daemon ends well"
vedette verify --complete --key $log.pub $log > /tmp/verdict 2>&1
check $? "the log verifies"
totals=$(tail -n 1 $log | grep -o '"totals":{[^}]*}')
produced=$(echo "$totals" | sed -E 's/.*"produced":([0-9]+).*/\1/') lost=$(echo "$totals" | sed -E 's/.*"lost":([0-9]+).*/\1/') delivered=$(echo "$totals" | sed -E 's/.*"delivered":([0-9]+).*/\1/')
[ "$produced" -gt 0 ] && [ "$produced" -eq $((delivered + lost)) ]
check $? "produced $produced = delivered $delivered + lost $lost"
case $loads in *full*) [ "$lost" -gt 0 ]; check $? "the rings were full, and the log says so" ;; esac
$evade judge /tmp/attempts "$lost" $log
bad=$?
awk -F'\t' '$2 - $1 > 1500000000 { printf "# %s, %s, %s took %d ms\n", $4, $3, $5, ($2 - $1) / 1000000 }' /tmp/attempts
exit $bad
