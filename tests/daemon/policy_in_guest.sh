# SPDX-License-Identifier: Apache-2.0
# In the guest: policies that are tried, confirmed, taken back and refused.
. /t/policy_helpers.sh
blocked /tmp/bad/base && runs /tmp/bad/one; check $? "the rules of the configuration are in force"

# --- confirm, roll back, time out
policy apply --confirm 60s /tmp/one.yaml; says "is in force for now" "a policy is tried"
blocked /tmp/bad/one && blocked /tmp/bad/base; check $? "it blocks at once, and what was blocked stays blocked"
policy rollback
runs /tmp/bad/one && blocked /tmp/bad/base; check $? "taken back, it blocks no more"
policy apply --confirm 10s /tmp/one.yaml
blocked /tmp/bad/one; check $? "tried again, it blocks"
await 20 in_force 1 && runs /tmp/bad/one && blocked /tmp/bad/base; check $? "it goes back by itself"
policy confirm; says "no policy waits" "it is too late then"
vedette policy apply --name one --confirm 60s - < /tmp/one.yaml > /tmp/out 2>&1; says "policy one is in force for now" "a policy comes from standard input"
vedette status /tmp/run/status.json > /tmp/out; says "waits to be confirmed: policy one" "status says so at once"
policy confirm; says "policy one is confirmed" "it is confirmed"
stop TERM; runs /tmp/bad/one; check $? "without the daemon nothing is blocked"
start; blocked /tmp/bad/one && blocked /tmp/bad/base; check $? "the next daemon has it in force"

# --- refusals
echo '- rule: broken' > /tmp/broken.yaml
policy apply /tmp/broken.yaml; says "^/tmp/broken.yaml:1:3: " "a broken policy is refused, with the place"
blocks /tmp/argv.yaml argv /tmp/x; sed -i 's/when: .*/when: process.args contains -x/' /tmp/argv.yaml
policy apply /tmp/argv.yaml; says "^/tmp/argv.yaml:.*cannot block" "so is one that the kernel cannot decide"
for at in "/bin/vedette:the engine's own work" "/bin/sh:an administrator's shell\|pid 1" "/bin/busybox:pid 1" "/usr/bin/dpkg:the package manager's run"; do
	blocks /tmp/bad.yaml bad "${at%%:*}"
	policy apply /tmp/bad.yaml; says "would block ${at#*:}" "one against ${at%%:*} is refused"
done
runs /usr/bin/dpkg && blocked /tmp/bad/one && in_force 2; check $? "the rules in force are the same after all that"
blocks /tmp/dpkg.yaml dpkg /usr/bin/dpkg
policy apply --force /tmp/dpkg.yaml; blocked /usr/bin/dpkg; check $? "a forced one is taken"
stop TERM; start; blocked /usr/bin/dpkg; check $? "and taken again at the next start"
policy list; says "^dpkg (forced)" "it is listed as forced"
policy remove dpkg; runs /usr/bin/dpkg; check $? "removed, it blocks no more"
cat /tmp/dpkg.yaml >> /tmp/rules.yaml
vedette reload > /tmp/out 2>&1; says "would block the package manager" "a reload of the configuration's own rules is refused likewise"
stop TERM; vedette daemon -c /tmp/config.yaml > /tmp/out 2>&1; says "rules.yaml:.*would block the package manager" "and so is a start"
echo "force: true" >> /tmp/config.yaml
start; blocked /usr/bin/dpkg; check $? "unless the configuration forces them"
cp /t/policy_rules.yaml /tmp/rules.yaml; vedette reload > /tmp/out 2>&1; runs /usr/bin/dpkg; check $? "and without the rule it runs again"

# --- the breaker
policy apply --confirm 1h /tmp/two.yaml
for i in 1 2 3 4 5; do /tmp/bad/two 2> /dev/null; done
for i in 1 2 3 4 5 6 7 8; do /tmp/bad/base 2> /dev/null; done
sleep 1; blocked /tmp/bad/two; check $? "as many blocks as may be, and any number by other rules, change nothing"
await 10 in_force 2 && runs /tmp/bad/two; check $? "one more takes the policy back"
policy confirm; says "two was taken back .* because it blocked more in a minute" "who confirms it then is told why it is gone"
vedette status /tmp/run/status.json > /tmp/out; says "taken back at .*: two: it blocked more in a minute than .policy.breaker. allows; it had blocked 6 times" "so does status"
grep -q "base-block blocked [1-9][0-9]* times" /tmp/out; check $? "status says which rule blocked how often ($(grep "base-block blocked" /tmp/out))"
blocked /tmp/bad/one && blocked /tmp/bad/base; check $? "and it alone"
policy apply --confirm 1h /tmp/two.yaml; policy confirm
rm -f /tmp/stop; /t/numbered exec /tmp/bad/two 100 /tmp/stop > /tmp/tried & storm=$!
sleep 5; : > /tmp/stop; wait $storm
sleep 1; blocked /tmp/bad/two; check $? "once it is confirmed, any number may be blocked (refused, not refused: $(cat /tmp/tried))"
[ "$(cut -d ' ' -f 2 /tmp/tried)" -eq 0 ]; check $? "none of them passed"

# --- at once, and in the middle
vedette policy apply --confirm 1h /tmp/three.yaml > /tmp/out.3 2>&1 & a=$!
vedette policy apply --confirm 1h /tmp/four.yaml > /tmp/out.4 2>&1 & b=$!
wait $a; a=$?; wait $b; b=$?
[ $((a + b)) -eq 1 ]; check $? "of two at once one is refused ($(cat /tmp/out.3 /tmp/out.4 | grep '^vedette policy'))"
if blocked /tmp/bad/three; then runs /tmp/bad/four; else blocked /tmp/bad/four; fi; check $? "and the other is in force"
policy rollback
rm -f /tmp/stop; /t/numbered exec /tmp/bad/base 100 /tmp/stop > /tmp/tried & storm=$!
for i in 1 2 3 4 5 6; do
	vedette policy apply --confirm 1h /tmp/three.yaml > /dev/null 2>&1 & client=$!
	sleep 0.$i; kill -KILL $client 2> /dev/null; wait $client 2> /dev/null
	policy rollback
done
sleep 1; policy rollback; in_force 3; check $? "clients that are killed in the middle leave no half of a policy"
for i in 1 2 3 4 5 6 7 8 9 10; do policy apply --confirm 1h /tmp/three.yaml; policy rollback; done
: > /tmp/stop; wait $storm
[ "$(cut -d ' ' -f 2 /tmp/tried)" -eq 0 ] && [ "$(cut -d ' ' -f 1 /tmp/tried)" -gt 50 ]
check $? "what both sets block is blocked all the time (refused, not refused: $(cat /tmp/tried))"

stop TERM
records '"action":"rollback".*"reason":"timeout"' '"action":"rollback","blocked":6.*"reason":"breaker"' '"action":"rollback".*"reason":"asked"' \
	'"action":"confirm".*"by":{"pid":[0-9]*,"uid":0}' '"action":"apply".*"forced":true' '"action":"remove"' \
	'"errors":\["[^"]*would block the package manager'
