# SPDX-License-Identifier: Apache-2.0
# In the guest: tables exchanged under fire; then forks, with both processors busy. How many of each stands on the kernel's command line.
number() { tr ' ' '\n' < /proc/cmdline | sed -n "s/^vedette_$1=//p"; }
mkdir -p /tmp/s/bad /tmp/s/good
for f in s/bad/file s/good/file s/own family inherited; do echo x > /tmp/$f; done
for f in bad/program good/program; do cp /t/nonce /tmp/s/$f; done
cp /t/probe_swap /tmp/probe_swap
cp /t/forks /tmp/parent
echo 1 > /sys/kernel/rcu_expedited # each exchange waits for the programs that run: in milliseconds, not in tens of them
exchange() {
	/tmp/probe_swap /tmp/s "$1" > /tmp/out || echo "not ok - the exchanges ended well"
	grep -v NONCE /tmp/out
}
forks() {
	cat > /tmp/forks.sh <<F
nice -n 10 sh -c 'while :; do :; done' & # both processors are busy all the time
one=\$!
nice -n 10 sh -c 'while :; do :; done' &
two=\$!
/tmp/parent $(($1 / 2)) /tmp/family /tmp/inherited > /tmp/forks1 &
first=\$!
/tmp/parent $(($1 / 2)) /tmp/family /tmp/inherited > /tmp/forks2
wait \$first
kill \$one \$two
F
	read began _ < /proc/uptime
	vedette run --quiet --enforce --rules /t/swap_rules.yaml --output /tmp/log.jsonl -- sh /tmp/forks.sh > /tmp/err 2>&1
	read ended _ < /proc/uptime
	echo "# $1 forks in $((${ended%.*} - ${began%.*})) s"
	[ "$(cat /tmp/forks1 /tmp/forks2)" = "ok
ok" ] && echo "ok - $1 forks: no label was lost, and what is forbidden was done by none" || { echo "not ok - $1 forks: $(cat /tmp/forks1 /tmp/forks2)"; cat /tmp/err; }
	# records may be lost, for want of room or scratch, and are counted; what verdicts need may not
	grep -oE '"loss":\{[^}]*"what":"(labels|ancestor-sets|decisions|processes)"' /tmp/log.jsonl && echo "not ok - no table was full" || echo "ok - no table was full"
}
[ "$(number swaps)" -eq 0 ] || exchange "$(number swaps)"
[ "$(number forks)" -eq 0 ] || forks "$(number forks)"
# --- programs that the kernel may skip, as those of an LSM hook may not be: what is seen of data received
vedette run --quiet --enforce --rules /t/swap_rules.yaml --rules /t/receive_rules.yaml --output /tmp/skipped.jsonl --status /tmp/status.json -- /t/receives 8 20000 > /tmp/err 2>&1
model=$(sed 's/.*(\(.*\)).*/\1/' /sys/kernel/debug/sched/preempt)
skipped=$(grep -o '"skipped_runs":[0-9]*' /tmp/status.json | cut -d: -f2)
grep -q "\"preemption\":\"$model\"" /tmp/status.json && echo "ok - status has the preemption model ($model)" || { echo "not ok - status has the preemption model ($model)"; cat /tmp/err; }
if [ "$model" = full ]; then
	[ "$skipped" -gt 0 ] && echo "ok - runs of programs that may be skipped were skipped ($skipped)" || echo "not ok - runs of programs that may be skipped were skipped ($skipped)"
	grep '"act":"skipped"' /tmp/skipped.jsonl | grep -q '"dataset":"vedette.alert"' && echo "ok - that is an alert" || echo "not ok - that is an alert"
	grep -q '"what":"skipped-programs"' /tmp/skipped.jsonl && echo "ok - and a loss" || { echo "not ok - and a loss"; cat /tmp/err; }
else
	[ "$skipped" -eq 0 ] && echo "ok - no run of a program was skipped" || echo "not ok - no run of a program was skipped ($skipped)"
fi
[ "$(number reloads)" -eq 0 ] || . /t/descend_in_guest.sh "$(number reloads)"
. /t/unknown_in_guest.sh
. /t/labels_in_guest.sh
