# SPDX-License-Identifier: Apache-2.0
# In the guest: a daemon, and forbidden and permitted acts in a loop all the time. Read by the tests of what happens to the daemon meanwhile.
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
await() { # await SECONDS COMMAND...
	i=$(($1 * 10)); shift
	while [ $i -gt 0 ] && ! "$@"; do sleep 0.1; i=$((i - 1)); done
	[ $i -gt 0 ]
}
answers() { vedette policy status > /dev/null 2>&1; }
start() { vedette daemon -c /tmp/config.yaml 2>> /tmp/err & daemon=$!; await 60 answers; }
stop() { kill -"$1" $daemon; wait $daemon 2> /dev/null; rm -f /run/vedette/control.sock /run/vedette/status.json; }
runs() { [ "$(/tmp/bad/x 2> /dev/null)" = NONCE ]; }
blocked() { /tmp/bad/x > /dev/null 2>&1; [ $? -eq 126 ]; }
logs() { for log in /tmp/log/*.jsonl*; do case $log in *.pub) ;; *) cat "$log" ;; esac; done; }
config() { # config ON_EXIT [RING]
	cat > /tmp/config.yaml <<END
rules: [/tmp/rules.yaml]
enforce: true
protect: false
enforcement: {on_exit: $1}
output: {file: /tmp/log/a.jsonl, heartbeat: 1s}
agent: off
wal: off
rings: {priority: ${2:-4MiB}, bulk: ${2:-4MiB}}
status_file: /run/vedette/status.json
policy: {folder: /tmp/lib/policies}
END
}
kinds="exec open connect"
begin() { rm -f /tmp/stop /tmp/report; : > /tmp/report.on; /t/persist /tmp/stop /tmp/report $kinds > /tmp/tried & persist=$!; }
finish() { # finish WHAT: no forbidden act passed, no permitted one failed, since begin
	rm -f /tmp/report.on; : > /tmp/stop; wait $persist
	for kind in $kinds; do
		set -- "$1" $(grep "^$kind " /tmp/tried)
		[ "$3" -gt 20 ] && [ "$4" -eq 0 ] && [ "$5" -gt 20 ] && [ "$6" -eq 0 ]
		check $? "$1: $2: $3 forbidden acts refused, $4 not; $5 permitted ones done, $6 not"
	done
}
flood() { i=0; while [ $i -lt "$1" ]; do /tmp/good/x > /dev/null; i=$((i + 1)); done; }

mkdir -p /tmp/bad /tmp/good /tmp/secret /tmp/open
cp /t/nonce /tmp/bad/x; cp /t/nonce /tmp/good/x; : > /tmp/secret/x; : > /tmp/open/x
cp /t/independence_rules.yaml /tmp/rules.yaml
nothing=$(/t/ids)

