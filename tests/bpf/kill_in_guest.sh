# SPDX-License-Identifier: Apache-2.0
# In the guest: rules that kill. Effect: the image says nothing and ends by the signal; record: an alert of the rule, which says when.
set -u
for f in whole begin end unless any suid long many manyallowed watched other; do cp /t/nonce /tmp/$f; done
chmod 4755 /tmp/suid
: > /tmp/honey
printf '#!/tmp/whole --bad\n' > /tmp/script
chmod 755 /tmp/script
i=0
long=
while [ $i -lt 600 ]; do long="$long/0123456789"; i=$((i + 1)); done
awk 'BEGIN { for (i = 0; i < 66000; i++) print "x" }' > /tmp/words

cat > /tmp/kills.sh <<'S'
: > /tmp/expected
dead() {
	rule=$1
	shift
	out=$("$@" 2>&1)
	status=$?
	case $status,$out in
	137,|137,Killed) echo "ok - killed before it ran: $rule: $(echo "$*" | cut -c 1-60)"; echo "$rule" >> /tmp/expected ;;
	*) echo "not ok - killed before it ran: $rule: $(echo "$*" | cut -c 1-60): $status $out" ;;
	esac
}
alive() {
	out=$("$@" 2>&1)
	case $out in NONCE) echo "ok - it runs: $(echo "$*" | cut -c 1-60)" ;; *) echo "not ok - it runs: $(echo "$*" | cut -c 1-60): $out" ;; esac
}
dead whole /tmp/whole --bad
dead whole /tmp/whole a b c --bad d
dead whole /tmp/script
dead whole /tmp/whole $(head -n 20000 /tmp/words) --bad
alive /tmp/whole $(head -n 20000 /tmp/words)
alive /tmp/whole
alive /tmp/whole --ba
alive /tmp/whole --badly
alive /tmp/whole -- --bad=1
alive /tmp/other --bad
dead begin /tmp/begin x --secret=1
alive /tmp/begin x --secret
alive /tmp/begin "x --secret=1"
dead end /tmp/end http://x.onion
dead end /tmp/end a b .onion
alive /tmp/end http://x.onion/
alive /tmp/end onion
dead unless /tmp/unless
dead unless /tmp/unless --saf
alive /tmp/unless --safe
alive /tmp/unless x --help y
dead any-of /tmp/any -e
dead any-of /tmp/any x -c
dead any-of /tmp/any x y.sh
alive /tmp/any -d
alive su -s /bin/sh tester -c "/tmp/any -e"
dead by-effective su -s /bin/sh tester -c "exec /tmp/suid"
alive /tmp/suid
dead long /tmp/long "$LONG/the/end"
dead long /tmp/long "$LONG/the/end" x
alive /tmp/long "$LONG/the/end/"
alive /tmp/long "/the/end$LONG"
dead too-many /tmp/many $(cat /tmp/words)
alive /tmp/many x y z
alive /tmp/manyallowed $(cat /tmp/words)
# after the fact
mkdir /tmp/late
cp /bin/busybox /tmp/late/sh
/tmp/late/sh -c 'sleep 60; echo survived' bad
status=$?
[ $status -eq 137 ] && echo "ok - killed after the fact: by a test of text" || echo "not ok - killed after the fact: by a test of text ($status)"
echo late-text >> /tmp/expected
sh -c 'read x < /tmp/honey; sleep 30; echo survived'
status=$?
[ $status -eq 137 ] && echo "ok - killed after the fact: the reader of a file" || echo "not ok - killed after the fact: the reader of a file ($status)"
S
export LONG=$long
vedette run --quiet --enforce --rules /t/kill_rules.yaml --output /tmp/kill.jsonl -- sh /tmp/kills.sh 2> /tmp/err
[ $? -eq 0 ] || { echo "not ok - the run of rules that kill ended well"; cat /tmp/err; }
grep -q 'rule late-text ends processes after the fact' /tmp/err && echo "ok - what is killed late is said at the start" || { echo "not ok - what is killed late is said at the start"; cat /tmp/err; }
ids() { grep "$1" /tmp/kill.jsonl | grep -o '"rule":{"id":"[^"]*"' | sed 's/.*"id":"//; s/"//' | sort | uniq -c | awk '{print $2, $1}'; }
ids '"kill":"before the first instruction"' > /tmp/got
grep -v late /tmp/expected | sort | uniq -c | awk '{print $2, $1}' > /tmp/want
cmp -s /tmp/got /tmp/want && echo "ok - one alert for each image that was killed, of its rule" || { echo "not ok - one alert for each image that was killed, of its rule"; diff /tmp/want /tmp/got; }
grep '"rule":{"id":"late-open"' /tmp/kill.jsonl | grep '"action":"kill"' | grep -q '"kill":"after the fact"' && echo "ok - the alert says that it was after the fact" || { echo "not ok - the alert says that it was after the fact"; grep late-open /tmp/kill.jsonl | head -n 2; }
grep '"rule":{"id":"late-text"' /tmp/kill.jsonl | grep -q '"action":"kill"' && echo "ok - a test that the kernel has not is killed for later" || echo "not ok - a test that the kernel has not is killed for later"
grep '"rule":{"id":"too-many"' /tmp/kill.jsonl | grep -q '"uncertain":\["vedette.verdict"\]' && echo "ok - a verdict on what could not be read says so" || echo "not ok - a verdict on what could not be read says so"
grep '"verdict":"kill"' /tmp/kill.jsonl | grep -q '"command_line":"/tmp/whole --bad"' && echo "ok - the record has the arguments" || echo "not ok - the record has the arguments"
vedette verify --complete --key /tmp/kill.jsonl.pub /tmp/kill.jsonl > /tmp/verdict 2>&1 && echo "ok - the log of kills verifies" || { echo "not ok - the log of kills verifies"; cat /tmp/verdict; }
# watched only
vedette run --quiet --rules /t/kill_rules.yaml --output /tmp/kill.jsonl -- sh -c '/tmp/whole --bad; cat /tmp/honey' > /tmp/out 2>&1
grep -q NONCE /tmp/out && [ "$(grep -c '"action":"would-kill"' /tmp/kill.jsonl)" -eq 2 ] && echo "ok - without --enforce it runs and is reported" || { echo "not ok - without --enforce it runs and is reported"; cat /tmp/out; }
{ echo '- policy: {name: watched, mode: detect}'; cat /t/kill_rules.yaml; } > /tmp/watched.yaml
vedette run --quiet --enforce --rules /tmp/watched.yaml --output /tmp/kill.jsonl -- sh -c '/tmp/whole --bad; /tmp/watched' > /tmp/out 2>&1
[ "$(grep -c NONCE /tmp/out)" -eq 2 ] && grep '"action":"would-kill"' /tmp/kill.jsonl | grep -q '"verdict":"would_kill"' && echo "ok - mode: detect lets it live, and the record says would_kill" || { echo "not ok - mode: detect lets it live, and the record says would_kill"; cat /tmp/out; }
grep '"action":"would-block"' /tmp/kill.jsonl | grep '"action":"process.exec"' | grep -q '"verdict":"would_block"' && echo "ok - mode: detect: the record of an exec says would_block" || { echo "not ok - mode: detect: the record of an exec says would_block"; tail -n 3 /tmp/kill.jsonl; }
