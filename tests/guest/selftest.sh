#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the guest harness itself on both kernels: a harness that passes a failed test is worse than none.

# shellcheck disable=SC2016 # the scripts are expanded in the guest

set -u
guest=$(dirname "$0")/guest
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
failed=0

# expect WHAT WANTED GOT
expect() {
	if [ "$2" = "$3" ]; then
		echo "ok - $1"
	else
		echo "not ok - $1: wanted '$2', got '$3'"
		sed 's/^/  /' "$work/notes"
		failed=1
	fi
}

program=${VEDETTE:-$(command -v env)} # with its libraries; any dynamic program that knows --version will do

# in_guest SCRIPT-TEXT OPTION...: the output is left in $output, the status in $status
in_guest() {
	echo "$1" >"$work/script"
	shift
	output=$("$guest" --kernel "$kernel" "$@" -- "$work/script" 2>"$work/notes")
	status=$?
}

# said TEXT: yes when the notes of the last run hold it
said() { grep -q "$1" "$work/notes" && echo yes; }

mkdir -p "$work/folder/inner"
echo from-folder >"$work/folder/inner/file"
echo from-file >"$work/file"

for kernel in 6.1 6.12; do
	in_guest '
		set -e
		uname -r
		grep -ow bpf /sys/kernel/security/lsm
		cat /t/folder/inner/file /t/file
		for module in overlay dummy veth; do insmod /t/modules/$module.ko; done
		ls -1d /sys/fs/cgroup/cgroup.procs /sys/kernel/tracing/events
		stat -f -c %t /sys/fs/bpf
		id -u tester
		ulimit -l
		printf "raw\r\n"
		seq 20000 | tail -n 1
		vedette --version | sed -n "1s/ .*//p"
		echo result >/tmp/result
		cat /nonexistent || true
	' --vedette "$(command -v env)" --add "$work/folder" --add "$work/file" --get /tmp/result --out "$work/out-$kernel"
	expect "$kernel: a passing script passes" 0 "$status"
	expect "$kernel: the kernel is of the series" "$kernel" "$(echo "$output" | sed -n '1s/^\([0-9]*\.[0-9]*\)\..*/\1/p')"
	expect "$kernel: the system is complete and the output exact" "bpf
from-folder
from-file
/sys/fs/cgroup/cgroup.procs
/sys/kernel/tracing/events
cafe4a11
1000
unlimited
$(printf 'raw\r')
20000
env
cat: can't open '/nonexistent': No such file or directory" "$(echo "$output" | sed 1d)"
	expect "$kernel: a file comes out" result "$(cat "$work/out-$kernel/tmp/result" 2>&1)"

	in_guest 'exit 200' --icount --append preempt=full
	expect "$kernel: a failing script fails with its status" 200 "$status"

	in_guest 'echo before; sleep 1; echo c >/proc/sysrq-trigger; sleep 60'
	expect "$kernel: a crash of the kernel is not a result" 125 "$status"
	expect "$kernel: a crash of the kernel is told" yes "$(said 'the kernel crashed')"
	expect "$kernel: the output before a crash is kept" before "$output"

	in_guest '
		systemctl is-system-running
		systemctl is-active cron ssh
		apt-get install -y hello >/dev/null 2>&1
		hello
		ssh -q tester@localhost id -u
		echo "int main(void) { return 3; }" >/tmp/main.c
		make -s /tmp/main
		/tmp/main
		echo $?
		insmod /t/modules/dummy.ko
		vedette --version | sed -n "1s/ .*//p"
		cat /t/file
		echo result >/tmp/result
		exit 9
	' --root debian --vedette "$program" --add "$work/file" --get /tmp/result --out "$work/debian-$kernel"
	expect "$kernel: Debian passes the status on" 9 "$status"
	expect "$kernel: Debian is complete" "running
active
active
Hello, world!
1000
3
$(basename "$program")
from-file" "$output"
	expect "$kernel: a file comes out of Debian" result "$(cat "$work/debian-$kernel/tmp/result" 2>&1)"
done

in_guest 'exit 124'
expect "the status of a timeout is not the script's to give" 1 "$status"

in_guest 'reboot -f'
expect "a script that never ends is not a result" 125 "$status"

in_guest 'sleep 1000' --timeout 6
expect "the time is limited" 124 "$status"

in_guest 'exit 0' --add "$work/nothing"
expect "a file that is not there is refused" 125 "$status"

kernel=5.10
in_guest 'exit 0'
expect "an unknown kernel is refused" 125 "$status"

exit $failed
