# SPDX-License-Identifier: Apache-2.0
# In the guest: a flood of numbered opens and of forbidden execs while the rules are exchanged 20 times; then the single steps.
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
alerts() { grep -c "\"rule\":{[^}]*\"id\":\"$1\"" "$2"; }
wait_for() {
	i=0
	while [ ! -s "$1" ] && [ $i -lt 1800 ]; do sleep 0.1; i=$((i + 1)); done
}
use() { cp "/t/reload_$1.yaml" /tmp/rules.yaml; }
attached() { vedette status --control /run/vedette/control.sock --json | grep -q "{\"attached\":true,\"where\":\"$1\"}"; }

# opens FILE: ten times, so that what is known of its names is remembered; how often it was permitted
opens() { n=0; for i in 1 2 3 4 5 6 7 8 9 10; do { true < "$1"; } 2> /dev/null && n=$((n + 1)); done; echo $n; }

mkdir -p /tmp/kept; : > /tmp/kept/a; : > /tmp/kept/b
mkdir -p /tmp/n /tmp/bad /tmp/m /tmp/five
cp /bin/busybox /tmp/bad/true
cp /t/numbered /tmp/worse
cat > /tmp/config.yaml <<END
rules: [/tmp/rules.yaml]
enforce: true
protect: false
output: {file: /tmp/log/a.jsonl, heartbeat: 1s}
status_file: /tmp/run/status.json
END
use a
vedette daemon -c /tmp/config.yaml 2> /tmp/err &
daemon=$!
wait_for /tmp/run/status.json
sleep 1
vedette reload > /tmp/out 2>&1
check $? "a reload of the same rules ($(cat /tmp/out))"

# --- the flood
/t/numbered open /tmp/n 2000 /tmp/stop > /tmp/opened &
opener=$!
/t/numbered exec /tmp/bad/true 1000 /tmp/stop > /tmp/execs &
execer=$!
began=$(date +%s)
failed=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	use b; vedette reload >> /tmp/reloads 2>&1 || failed=$((failed + 1))
	use a; vedette reload >> /tmp/reloads 2>&1 || failed=$((failed + 1))
done
: > /tmp/stop
wait $opener
check $? "the numbered opens went through"
wait $execer
[ $failed -eq 0 ] && [ "$(grep -c 'rules are in force' /tmp/reloads)" -eq 20 ]
check $? "20 reloads in $(($(date +%s) - began)) seconds ($(tail -n 1 /tmp/reloads))"
opened=$(cat /tmp/opened) refused=$(cut -d ' ' -f 1 /tmp/execs) ran=$(cut -d ' ' -f 2 /tmp/execs)
[ "$refused" -gt 100 ] && [ "$ran" -eq 0 ]
check $? "a blocked program stays blocked through all of them: $refused attempts refused, $ran not"

# --- single steps
[ "$(opens /tmp/kept/a) $(opens /tmp/kept/b)" = "0 10" ]; check $? "one file is forbidden and one permitted"
use b; vedette reload > /tmp/out 2>&1
[ "$(opens /tmp/kept/a) $(opens /tmp/kept/b)" = "10 0" ]; check $? "the other way round by the new rules, whatever is remembered of them"
attached lsm/path_chmod; check $? "a probe that new rules need is attached"
echo x > /tmp/m/one; chmod 700 /tmp/m/one
/tmp/worse 2> /dev/null; [ $? -eq 126 ]; check $? "a program that the new rules block is blocked"
: > /tmp/five/1; : > /tmp/five/2; : > /tmp/five/3
sleep 1
use a; vedette reload > /tmp/out 2>&1
[ "$(opens /tmp/kept/a) $(opens /tmp/kept/b)" = "0 10" ]; check $? "and back"
attached lsm/path_chmod; [ $? -ne 0 ]; check $? "a probe that nobody needs any more is detached"
attached lsm/file_open; check $? "and the others are not"
chmod 755 /tmp/m/one
/tmp/worse; [ $? -eq 2 ]; check $? "a program that no rule blocks any more runs"
/tmp/bad/true 2> /dev/null; [ $? -eq 126 ]; check $? "what both block is still blocked"
: > /tmp/five/4; : > /tmp/five/5

echo '- rule: broken' > /tmp/rules.yaml
vedette reload > /tmp/out 2>&1
[ $? -eq 1 ] && grep -q '^/tmp/rules.yaml:1:' /tmp/out
check $? "rules with faults are refused, with the place: $(head -n 1 /tmp/out)"
sed 's/^rules:.*/rules: [none.yaml]/' /tmp/config.yaml > /tmp/c && cp /tmp/config.yaml /tmp/keep && cp /tmp/c /tmp/config.yaml
vedette reload > /tmp/out 2>&1
[ $? -eq 1 ] && grep -q 'none.yaml' /tmp/out; check $? "so are rules that are not there"
/tmp/bad/true 2> /dev/null; [ $? -eq 126 ]; check $? "and those of before stay in force"
sed 's/heartbeat: 1s/heartbeat: 2s/' /tmp/keep > /tmp/config.yaml
use b
kill -HUP $daemon
i=0; while [ $i -lt 100 ] && ! attached lsm/path_chmod; do sleep 0.1; i=$((i + 1)); done
attached lsm/path_chmod; check $? "SIGHUP loads the rules anew"
grep -q 'output.heartbeat is .* now: that needs a restart' /tmp/err; check $? "another key is told to need a restart"
[ "$(stat -c %a /run/vedette/control.sock)" = 600 ]; check $? "the control socket is its owner's alone"
su tester -c 'vedette reload' > /tmp/out 2>&1
[ $? -eq 1 ] && grep -q 'Permission denied' /tmp/out; check $? "another user is refused ($(cat /tmp/out))"
/t/numbered open /tmp/n 100000 /tmp/stop > /dev/null
kill -TERM $daemon
wait $daemon
check $? "the daemon ends well"
[ ! -e /run/vedette/control.sock ]; check $? "and takes its socket away"

# --- what the log says
log=/tmp/log/a.jsonl
vedette verify --complete --key $log.pub $log > /dev/null
check $? "the log verifies"
grep '"vedette.close"' $log | grep -q '"lost":0,'
check $? "nothing was lost"
# the fixed text first: the pattern takes long over lines that it is not about
grep -F '"id":"opens-' $log | sed -nE 's/.*"path":"\/tmp\/n\/([0-9]+)".*"id":"opens-([ab])".*/\1 \2/p' | sort -n > /tmp/judged
lines=$(wc -l < /tmp/judged) numbers=$(cut -d ' ' -f 1 /tmp/judged | uniq | wc -l)
[ "$opened" -gt 500 ] && [ "$lines" -eq "$opened" ] && [ "$numbers" -eq "$opened" ]
check $? "each of $opened opens was judged once: $lines alerts of $numbers numbers"
by_a=$(grep -c a /tmp/judged) by_b=$(grep -c b /tmp/judged)
[ "$by_a" -gt 50 ] && [ "$by_b" -gt 50 ]
check $? "by the old and the new rules ($by_a and $by_b)"
[ "$(grep '"id":"forbidden"' $log | grep -c '"action":"block"')" -ge "$refused" ] && [ "$(alerts other-forbidden $log)" -eq 1 ]
check $? "blocks are told with the rule that decided them"
[ "$(alerts modes $log)" -eq 1 ]; check $? "only what the rules in force ask for is told"
[ "$(alerts five-opens $log)" -eq 2 ]; check $? "a throttle goes on through a reload"
grep '"vedette.reload"' $log > /tmp/records
[ "$(wc -l < /tmp/records)" -eq 26 ] && [ "$(grep -c '"errors":\[' /tmp/records)" -eq 2 ]
check $? "each reload is a signed record ($(wc -l < /tmp/records), $(grep -c '"errors":\[' /tmp/records) of them refused)"
