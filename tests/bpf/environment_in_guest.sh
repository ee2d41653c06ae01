# SPDX-License-Identifier: Apache-2.0
# In the guest: programs started with environments made to mislead; a record of each, and what it must say.
set -u
bad=0
fits=$(printf %04093d 0) # "A=" in front and the NUL behind: 4096 bytes, all that is read of one variable at once
many=$(seq 1 3000 | sed 's/.*/A&=1/')
export fits many
vedette run --sensor lsm --rules /t/events_rules.yaml --quiet --events --output /tmp/o.jsonl -- sh -c '
env -i LD_PRELOAD=/a /bin/ls /
env -i A=$fits LD_PRELOAD=/a /bin/ls /
env -i A=$fits$fits LD_PRELOAD=/a /bin/ls /
env -i A=${fits}LD_PRELOAD=/forged B=1 /bin/ls /
env -i LD_PRELOAD=/$fits /bin/ls /
env -i LD_PRELOAD=/a $many /bin/ls /' >/dev/null 2>&1 || { echo "not ok - the programs ran"; bad=1; }
grep '"action":"process.exec"' /tmp/o.jsonl | grep '"name":"ls"' >/tmp/lines
at=0
# expect WHAT VARIABLES TRUNCATED: the next record's env_vars as JSON, and whether they are marked as cut short
expect() {
	at=$((at + 1))
	line=$(sed -n ${at}p /tmp/lines)
	got=$(echo "$line" | grep -o '"env_vars":\[[^]]*\]' | sed 's/"env_vars"://')
	cut=$(echo "$line" | grep -c '"truncated":\["process.env_vars"\]')
	if [ -n "$line" ] && [ "$got" = "$2" ] && [ "$cut" = "$3" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1: '$got' (cut short: $cut), not '$2' (cut short: $3)" | cut -c1-300
		bad=1
	fi
}
expect "a variable at the very top of memory is kept" '["LD_PRELOAD=/a"]' 0
expect "a variable of just the most that is read at once hides none behind it" '["LD_PRELOAD=/a"]' 0
expect "a longer one hides none behind it" '["LD_PRELOAD=/a"]' 0
expect "the rest of a long one is not taken for a variable" '' 0
expect "a chosen one that is too long is cut and marked" "[\"LD_PRELOAD=/$(printf %04083d 0)\"]" 1
expect "more variables than are looked at are marked" '["LD_PRELOAD=/a"]' 1
exit $bad
