# SPDX-License-Identifier: Apache-2.0
# In the guest, read by swap_in_guest.sh: reloads between rules that ask for more ancestors and rules that ask for fewer, beside many processes and
# under forks and execs. Both sets forbid z below q, and permit w to all that is there.
mkdir -p /tmp/d /tmp/d.rules
for f in p q via w z; do cp /t/descend /tmp/d/$f; done
rule() { echo "- {rule: $1, event: process.exec, when: '$2', severity: high, action: block}"; }
rule w 'process.executable = /tmp/d/w and ancestor(process.executable = /tmp/d/p)' > /tmp/d.w
{ cat /tmp/d.w; rule z 'process.executable = /tmp/d/z and ancestor(process.executable = /tmp/d/q)'; } > /tmp/d.more
{ cat /tmp/d.w; rule z 'process.executable = /tmp/d/z'; } > /tmp/d.fewer
cp /tmp/d.more /tmp/d.rules/rules.yaml
cat > /tmp/d.yaml <<C
rules: [/tmp/d.rules]
enforce: true
protect: false
output: {file: /tmp/d.log/a.jsonl, heartbeat: 1s}
policy: {folder: /tmp/d.lib, breaker: 0}
C
/t/descend sleep 400
vedette daemon -c /tmp/d.yaml > /tmp/d.err 2>&1 &
daemon=$!
i=600; while [ $i -gt 0 ] && ! vedette policy status > /dev/null 2>&1; do sleep 0.1; i=$((i - 1)); done
[ $i -gt 0 ] || { echo "not ok - the daemon answers"; cat /tmp/d.err; }
/tmp/d/q try /tmp/d.stop /tmp/d/z /tmp/d/via > /tmp/d.z1 & one=$!
/tmp/d/q try /tmp/d.stop /tmp/d/z /tmp/d/via > /tmp/d.z2 & two=$!
/t/descend try /tmp/d.stop /tmp/d/w /tmp/d/via > /tmp/d.w1 & three=$!
sleep 1; reloads=0; bad=0; read began _ < /proc/uptime
while [ $reloads -lt "${1:-20}" ]; do
	[ $((reloads % 2)) -eq 0 ] && cp /tmp/d.fewer /tmp/d.rules/rules.yaml || cp /tmp/d.more /tmp/d.rules/rules.yaml
	vedette reload > /tmp/d.out 2>&1 || { bad=$((bad + 1)); cat /tmp/d.out; }
	reloads=$((reloads + 1))
done
read ended _ < /proc/uptime
: > /tmp/d.stop; wait $one $two $three
echo "# $reloads reloads in $((${ended%.*} - ${began%.*})) s"
[ $bad -eq 0 ] && echo "ok - $reloads reloads with other ancestors" || echo "not ok - $reloads reloads with other ancestors: $bad failed"
read ran1 refused1 failed1 < /tmp/d.z1; read ran2 refused2 failed2 < /tmp/d.z2; read ran refused failed < /tmp/d.w1
[ $((ran1 + ran2 + failed1 + failed2)) -eq 0 ] && [ $((refused1 + refused2)) -gt $reloads ] && what=ok || what="not ok"
echo "$what - what both forbid below an ancestor is refused all the time ($((refused1 + refused2)) refused, $((ran1 + ran2)) passed, $((failed1 + failed2)) failed)"
[ $((refused + failed)) -eq 0 ] && [ "$ran" -gt $reloads ] && what=ok || what="not ok"
echo "$what - what both permit is done all the time ($ran done, $refused refused, $failed failed)"
kill $daemon; wait $daemon
