# SPDX-License-Identifier: Apache-2.0
# In the guest: prepares files, then runs the attempts idle, with the ring full, and with the engine stopped.
set -u
mkdir -p /tmp/bad /tmp/good /tmp/mnt
cp /t/nonce /tmp/bad/x
for f in /tmp/good/x /tmp/exact /tmp/exact2 /tmp/badx; do cp /t/nonce $f; done
: > /tmp/good/y
ln -s bad/x /tmp/sym
printf '#!/bin/sh\necho NONCE\n' > /tmp/bad/script
printf '#!/tmp/bad/x\n' > /tmp/good/script
printf '#!/tmp/good/x\n' > /tmp/good/script2
d=""
i=0
while [ $i -lt 110 ]; do d="$d/d$i"; i=$((i + 1)); done
mkdir -p "/tmp/bad$d"
cp /t/nonce "/tmp/bad$d/x"
echo "${d#/}" > /tmp/deep
chmod +x /tmp/bad/script /tmp/good/script /tmp/good/script2

cat > /tmp/full.sh <<'F'
kill -STOP $PPID # nobody empties the rings any more
i=0
while [ $i -lt 60 ]; do /tmp/good/x > /dev/null; i=$((i + 1)); done
sh /t/block_attempts.sh "engine stopped, ring full"
kill -CONT $PPID
F
cat > /tmp/stopped.sh <<'F'
kill -STOP $PPID
sh /t/block_attempts.sh "engine stopped"
kill -CONT $PPID
F
run() { # run NAME OPTIONS... -- COMMAND: under enforcement; the log must verify and its totals must add up
	name=$1
	shift
	vedette run --quiet --enforce --rules /t/block_rules.yaml --output /tmp/log.jsonl "$@" 2> /tmp/err
	[ $? -eq 0 ] || { echo "not ok - $name: the run ended well"; cat /tmp/err; }
	vedette verify --complete --key /tmp/log.jsonl.pub /tmp/log.jsonl > /tmp/verdict 2>&1 && echo "ok - $name: the log verifies" || { echo "not ok - $name: the log verifies"; cat /tmp/verdict; }
	totals=$(tail -n 1 /tmp/log.jsonl | grep -o '"totals":{[^}]*}')
	p=$(echo "$totals" | sed -E 's/.*"produced":([0-9]+).*/\1/') l=$(echo "$totals" | sed -E 's/.*"lost":([0-9]+).*/\1/') d=$(echo "$totals" | sed -E 's/.*"delivered":([0-9]+).*/\1/')
	[ "$p" -gt 0 ] && [ "$p" -eq $((d + l)) ] && echo "ok - $name: produced $p = delivered $d + lost $l" || echo "not ok - $name: produced $p = delivered $d + lost $l"
	blocked=$(grep -c '"action":"block"' /tmp/log.jsonl)
	lost=$l
}
run idle -- sh /t/block_attempts.sh idle
[ "$blocked" -eq 12 ] && echo "ok - idle: 12 blocks, 12 alerts" || echo "not ok - idle: 12 blocks, $blocked alerts"
grep -q '"path":"/tmp/bad/x".*"vedette":{"action":"block"' /tmp/log.jsonl && echo "ok - the alert names the file and the action" || echo "not ok - the alert names the file and the action"
run stopped -- sh /tmp/stopped.sh
[ "$blocked" -eq 12 ] && echo "ok - stopped: 12 blocks, 12 alerts afterwards" || echo "not ok - stopped: 12 blocks, $blocked alerts afterwards"
run full --priority-ring 4KiB -- sh /tmp/full.sh
[ "$lost" -gt 0 ] && grep -q '"dataset":"vedette.loss"' /tmp/log.jsonl && echo "ok - full: the ring was full, and the log says so" || echo "not ok - full: the ring was full, and the log says so (lost $lost)"

# detect mode and refusals
vedette run --quiet --rules /t/block_rules.yaml --output /tmp/log.jsonl -- /tmp/exact > /tmp/out 2>&1
grep -q NONCE /tmp/out && grep -q '"action":"would-block"' /tmp/log.jsonl && echo "ok - without --enforce it runs and is reported" || echo "not ok - without --enforce it runs and is reported"
vedette run --quiet --enforce --rules /t/block_rules.yaml -- /tmp/exact > /tmp/out 2>&1
[ $? -eq 126 ] && echo "ok - a blocked command ends with 126" || echo "not ok - a blocked command ends with 126"
printf -- '- rule: x\n  event: process.exec\n  when: process.executable regex "/tmp/.*" or process.name = y\n  action: block\n  severity: high\n' > /tmp/no.yaml
vedette run --quiet --enforce --rules /tmp/no.yaml -- /bin/true > /tmp/out 2>&1
[ $? -eq 125 ] && grep -q '/tmp/no.yaml:3:.*cannot block' /tmp/out && echo "ok - a rule the kernel cannot decide is refused with its place" || { echo "not ok - a rule the kernel cannot decide is refused with its place"; cat /tmp/out; }
vedette run --quiet --sensor tracepoint --rules /t/block_rules.yaml -- /bin/true > /tmp/out 2>&1
[ $? -eq 125 ] && grep -q 'detect-only' /tmp/out && echo "ok - tracepoint mode refuses a blocking rule" || { echo "not ok - tracepoint mode refuses a blocking rule"; cat /tmp/out; }
vedette run --quiet --sensor tracepoint --detect-only --rules /t/block_rules.yaml --output /tmp/log.jsonl -- /tmp/exact > /tmp/out 2>&1
[ $? -eq 0 ] && grep -q '"action":"would-block"' /tmp/log.jsonl && echo "ok - with --detect-only it reports" || { echo "not ok - with --detect-only it reports"; cat /tmp/out; }
