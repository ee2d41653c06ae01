# SPDX-License-Identifier: Apache-2.0
# In the guest: what the tests of policies share; starts a daemon that enforces.
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
says() { grep -q -- "$1" /tmp/out; check $? "$2 ($(head -n 1 /tmp/out | head -c 200))"; }
policy() { vedette policy "$@" > /tmp/out 2>&1; }
in_force() { vedette policy --json status 2> /dev/null | grep -q "\"rules\":$1[,}]"; }
runs() { "$1" 2> /dev/null; [ $? -eq 2 ]; }
blocked() { "$1" 2> /dev/null; [ $? -eq 126 ]; }
blocks() { # blocks FILE ID PROGRAM: a policy against one program
	printf -- '- rule: %s\n  event: process.exec\n  when: process.executable = %s\n  severity: high\n  action: block\n' "$2" "$3" > "$1"
}
await() { # await SECONDS COMMAND...
	i=$(($1 * 10)); shift
	while [ $i -gt 0 ] && ! "$@"; do sleep 0.1; i=$((i - 1)); done
	[ $i -gt 0 ]
}
answers() { vedette policy status > /dev/null 2>&1; }
start() { vedette daemon -c /tmp/config.yaml 2>> /tmp/err & daemon=$!; await 60 answers; }
stop() { kill -"$1" $daemon; wait $daemon 2> /dev/null; rm -f /run/vedette/control.sock; }

mkdir -p /tmp/bad
for name in base one two three four; do cp /t/numbered /tmp/bad/$name; blocks /tmp/$name.yaml $name /tmp/bad/$name; done
cp /t/numbered /usr/bin/dpkg
cp /t/policy_rules.yaml /tmp/rules.yaml
cat > /tmp/config.yaml <<END
rules: [/tmp/rules.yaml]
enforce: true
protect: false
output: {file: /tmp/log/a.jsonl, heartbeat: 1s}
status_file: /tmp/run/status.json
policy: {folder: /tmp/lib/policies, breaker: 5}
END
start; check $? "the daemon answers"

records() { # records PATTERN...: each is in some log
	for log in /tmp/log/*.jsonl*; do case $log in *.pub) ;; *) cat "$log" ;; esac; done | grep '"vedette.policy"' > /tmp/records
	for want in "$@"; do grep -q -- "$want" /tmp/records; check $? "a record says $want"; done
}
