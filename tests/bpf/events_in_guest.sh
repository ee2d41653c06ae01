#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inside a guest: runs every payload under the sensor and leaves in /tmp/out what it expects and what was recorded.
insmod /t/modules/overlay.ko
export MODULE=/t/modules/dummy.ko
mkdir -p /tmp/out
failed=0
# record NAME LABEL OPTION...
record() {
	name=$1 label=$2
	shift 2
	if ! vedette run --sensor lsm --rules /t/events_rules.yaml --quiet --events --output "/tmp/out/$label.events" --status "/tmp/out/$label.status" \
		"$@" -- "/t/$name" "/tmp/out/$label.expected" "/tmp/work-$label" >"/tmp/out/$label.notes" 2>&1; then
		echo "not ok - $label: vedette run -- $name failed"
		sed 's/^/#   /' "/tmp/out/$label.notes"
		failed=1
	fi
}
if [ -n "$(tr ' ' '\n' </proc/cmdline | grep preempt=full)" ]; then
	record flood flood
	record flood flood-small --ring 64KiB
else
	for payload in files sockets powers ways; do record $payload $payload; done
fi
exit $failed
