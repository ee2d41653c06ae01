# SPDX-License-Identifier: Apache-2.0
# In the guest: the daemon is there, and does not read, is frozen, or is busy.
. /t/independence_common.sh
config release 64KiB
start; check $? "the daemon answers"
blocked; check $? "what is forbidden is refused"
begin; kill -STOP $daemon; flood 200; sleep 1; finish "daemon stopped by a signal, rings full"
kill -CONT $daemon; sleep 2
logs | grep '"what":"ring"' | grep -q '"event":"process'; check $? "what found no room is told"
mkdir -p /tmp/cg; mount -t cgroup2 none /tmp/cg 2> /dev/null
cg=/tmp/cg; [ -f $cg/cgroup.procs ] || cg=/sys/fs/cgroup
mkdir -p $cg/ice; echo $daemon > $cg/ice/cgroup.procs
begin; echo 1 > $cg/ice/cgroup.freeze; sleep 0.2; grep -q 'frozen 1' $cg/ice/cgroup.events; check $? "the daemon is frozen"
sleep 2; finish "daemon frozen"
echo 0 > $cg/ice/cgroup.freeze; await 60 answers; check $? "thawed, it answers"
begin; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do vedette reload > /dev/null 2>> /tmp/err || echo "not ok - reload $i"; done; finish "20 reloads in a row"
stop TERM; runs; check $? "on_exit: release: stopped, nothing is refused"
[ "$(/t/ids)" = "$nothing" ]; check $? "and nothing is left in the kernel ($(/t/ids))"
vedette verify --key /tmp/log/a.jsonl.pub /tmp/log/a.jsonl > /tmp/out 2>&1; check $? "its log verifies"

