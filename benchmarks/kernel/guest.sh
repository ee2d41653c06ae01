# SPDX-License-Identifier: Apache-2.0
# In the guest: each operation with no program, filtered in the kernel (another process is in scope), decided by 1,000 rules that block, and as a
# full event. An open that is decided for the first time is `open_new`: the path is walked and looked up; `open` goes to one file again and again.
sleep 3 # settle: the first seconds after boot read double on 6.12
head -c 1 /dev/random > /dev/null # an unseeded random generator costs 20,000 instructions a connect
/t/bench_ops > /dev/null # warm up
show() { while read -r op cost; do echo "@ $1 $op $cost"; done; }
/t/bench_ops | show none
vedette run --quiet --sensor lsm --rules /t/rules.yaml --output /tmp/f.jsonl -- sleep 1000 &
watcher=$!
i=0
while [ ! -s /tmp/f.jsonl ] && [ $i -lt 600 ]; do sleep 0.2; i=$((i + 1)); done # its programs are attached
sleep 3
/t/bench_ops | show filtered
kill $watcher
wait $watcher
vedette run --quiet --sensor lsm --rules /t/rules.yaml --output /tmp/e.jsonl -- /t/bench_ops > /tmp/out || exit 1
show event < /tmp/out
tail -n 1 /tmp/e.jsonl | grep -o '"totals":{[^}]*}'
vedette run --quiet --sensor lsm --enforce --rules /t/block.yaml --output /tmp/d.jsonl -- /t/bench_ops > /tmp/out || exit 1
show decide < /tmp/out
tail -n 1 /tmp/d.jsonl | grep -o '"totals":{[^}]*}'
# a daemon that enforces and protects itself, nobody in its scope
mkdir -p /sys/fs/cgroup/nobody
vedette daemon -c /t/guard.yaml 2> /tmp/err &
i=0
while [ ! -s /tmp/run/status.json ] && [ $i -lt 600 ]; do sleep 0.2; i=$((i + 1)); done
[ -s /tmp/run/status.json ] || { cat /tmp/err; exit 1; }
sleep 3
/t/bench_ops | show guarded
vedette stop
wait
