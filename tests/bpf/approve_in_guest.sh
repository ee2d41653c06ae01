# SPDX-License-Identifier: Apache-2.0
# In the guest: the same acts with and without approval raise the same alerts; what no rule can hold on is dropped and counted. Then the shares
# under the rules that are installed by default.
set -u
bad=0
say() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; bad=1; return 1; fi; }
cat > /tmp/acts.sh <<'END'
set -u
mkdir -p /tmp/a/etc /tmp/a/bulk /tmp/a/other
echo x > /tmp/a/secret; cat /tmp/a/secret > /dev/null
echo y > /tmp/a/etc/passwd; echo z > /tmp/a/other/f; cat /tmp/a/etc/passwd > /dev/null
i=0; while [ $i -lt 200 ]; do echo $i > /tmp/a/bulk/$i; cat /tmp/a/bulk/$i > /dev/null; i=$((i + 1)); done
chmod 755 /tmp/a; chmod 666 /tmp/a/other/f
su tester -s /bin/sh -c 'cat /tmp/a/other/f > /dev/null; cat /etc/passwd > /dev/null'
echo q > /tmp/a/locked; chmod 600 /tmp/a/locked
su tester -s /bin/sh -c 'cat /tmp/a/locked' 2> /dev/null
rm /tmp/a/bulk/*; rm /tmp/a/other/f; mkdir /tmp/a/dir /tmp/a/else
ln -s /tmp/a/secret /tmp/a/alias; cat /tmp/a/alias > /dev/null
mv /tmp/a/secret /tmp/a/etc/moved; mv /tmp/a/etc/moved /tmp/a/away
# a folder that is known by now comes below one that a rule is about, and goes again
mkdir -p /tmp/a/job/x/y /tmp/a/kept; echo f > /tmp/a/job/x/y/f
for i in 1 2 3 4; do cat /tmp/a/job/x/y/f > /dev/null; done
for i in 1 2 3; do
	mv /tmp/a/job /tmp/a/kept/job; cat /tmp/a/kept/job/x/y/f > /dev/null; cat /tmp/a/kept/job/x/y/f > /dev/null
	mv /tmp/a/kept/job /tmp/a/job; cat /tmp/a/job/x/y/f > /dev/null; cat /tmp/a/job/x/y/f > /dev/null
done
cd /tmp/a/job; for i in 1 2 3; do echo n > n; mv n .startrc; mv .startrc m; mv m keys; mv keys granted; rm granted; done
echo l > l; ln l granted; ln l other
mknod -m 4755 set p; mknod -m 755 unset p
cd /tmp/a/etc; echo r > ./relative; echo s > ../etc/up
nc -w 1 127.0.0.1 9 < /dev/null; nc -w 1 127.0.0.1 10 < /dev/null
true
END
# alerts FILE: how many of each rule
alerts() {
	grep -o '"rule":{[^}]*"id":"[^"]*"' "$1" | sed 's/.*"id"://' | sort | uniq -c
}
rm -rf /tmp/a
vedette run --sensor lsm --quiet --no-approval --rules /t/approve_rules.yaml --output /tmp/all.jsonl --status /tmp/all.json -- sh /tmp/acts.sh > /tmp/out 2>&1
say $? "the acts run, everything sent" || cat /tmp/out
rm -rf /tmp/a
vedette run --sensor lsm --quiet --rules /t/approve_rules.yaml --output /tmp/some.jsonl --status /tmp/some.json -- sh /tmp/acts.sh > /tmp/out 2>&1
say $? "the acts run, with approval" || cat /tmp/out
alerts /tmp/all.jsonl > /tmp/all.alerts
alerts /tmp/some.jsonl > /tmp/some.alerts
sed 's/^/# /' /tmp/all.alerts
[ "$(grep -c . /tmp/all.alerts)" -eq 12 ]
say $? "each of the twelve rules raised something"
cmp -s /tmp/all.alerts /tmp/some.alerts
say $? "the same alerts with approval and without"
cmp -s /tmp/all.alerts /tmp/some.alerts || diff /tmp/all.alerts /tmp/some.alerts
# number FILE EVENT KEY
number() { tr -d ' \n' < "$1" | grep -o "\"$2\":{[^}]*}" | grep -o "\"$3\":[0-9]*" | cut -d: -f2; }
for event in file.open file.delete network.connect; do
	echo "# $event: $(number /tmp/all.json $event produced) sent without approval; with it $(number /tmp/some.json $event produced) sent and $(number /tmp/some.json $event filtered) dropped"
	[ "$(number /tmp/some.json $event filtered)" -gt 0 ] && [ "$(number /tmp/all.json $event filtered)" -eq 0 ]
	say $? "$event: some were dropped, and none without approval"
done
[ "$(number /tmp/some.json file.open filtered)" -gt 400 ] && [ "$(number /tmp/some.json file.open produced)" -lt 60 ]
say $? "file.open: nearly all were dropped"
rm -rf /tmp/a
vedette run --sensor lsm --quiet --events --rules /t/approve_rules.yaml --output /tmp/log.jsonl --status /tmp/log.json -- sh /tmp/acts.sh > /tmp/out 2>&1
[ "$(number /tmp/log.json file.open filtered)" -eq 0 ]
say $? "nothing is dropped when every event is logged"

# What a rule asks of the process image user space tells the kernel, once it has seen something of it: processes that go on for a while.
cat > /tmp/image.sh <<'END'
mkdir -p /tmp/i; : > /tmp/i/first; mkdir /tmp/i/$1
sleep 3
i=0; while [ $i -lt 300 ]; do : > /tmp/i/$i; i=$((i + 1)); done
END
cat > /tmp/image.yaml <<'END'
- {rule: marked, event: file.open, when: 'file.open.write and process.args intersects (marked)', severity: low}
- {rule: pathed, event: file.open, when: 'file.path = /tmp/i/7', severity: low}
END
for approval in --no-approval ''; do
	rm -rf /tmp/i
	# shellcheck disable=SC2086 # an option or nothing
	vedette run --sensor lsm --quiet $approval --rules /tmp/image.yaml --output /tmp/image$approval.jsonl --status /tmp/image$approval.json -- \
		sh -c 'sh /tmp/image.sh marked; sh /tmp/image.sh other' > /tmp/out 2>&1
	say $? "a marked process and another one run ${approval:-with approval}" || cat /tmp/out
	alerts /tmp/image$approval.jsonl > /tmp/image$approval.alerts
done
sed 's/^/# /' /tmp/image.alerts
cmp -s /tmp/image.alerts /tmp/image--no-approval.alerts && grep -q '30[0-9] "marked"' /tmp/image.alerts
say $? "the same alerts where a rule asks for the process alone"
echo "# file.open: $(number /tmp/image.json file.open produced) sent and $(number /tmp/image.json file.open filtered) dropped"
[ "$(number /tmp/image.json file.open filtered)" -ge 290 ]
say $? "what the other process opened was dropped once it was known"

vedette run --sensor lsm --quiet --output /tmp/own.jsonl --status /tmp/own.json -- sh -c '
mkdir -p /tmp/w; i=0; while [ $i -lt 300 ]; do echo "line $i" > /tmp/w/$i.c; i=$((i + 1)); done
i=0; while [ $i -lt 300 ]; do cat /tmp/w/$i.c > /tmp/w/$i.o; i=$((i + 1)); done; cat /tmp/w/*.o > /tmp/w/prog; grep -r line /tmp/w /t > /dev/null; rm -r /tmp/w' > /tmp/out 2>&1
say $? "files are made, read, searched and removed under the default rules"
[ "$(number /tmp/own.json file.delete filtered)" -gt 0 ]
say $? "default rules: removals are dropped"
for event in $(tr -d ' \n' < /tmp/own.json | grep -o '"\(file\|network\|memory\|process\)\.[a-z]*":{"blocked"' | cut -d'"' -f2); do
	echo "# default rules: $event: $(number /tmp/own.json $event produced) sent, $(number /tmp/own.json $event filtered) dropped"
done
exit $bad
