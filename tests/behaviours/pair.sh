# SPDX-License-Identifier: Apache-2.0
# In a guest: a second daemon beside the one that is tested, with the same rules, without approval and without enforcement. Its log and status stand beside the other's.
# shellcheck shell=sh

pair_wait() { # pair_wait STATUS PID
	i=0
	while [ ! -s "$1" ] && [ $i -lt 1800 ] && kill -0 "$2"; do sleep 0.1; i=$((i + 1)); done
	[ -s "$1" ] || { sed 's/^/# without approval: /' /tmp/all-err; echo "not ok - the second daemon was not ready in 180 s"; exit 1; }
}

pair_start() { # pair_start CONFIG
	sed -e 's#alerts\.jsonl#all.jsonl#' -e 's#status\.json#all-status.json#' -e '/^enforce:/d' "$1" > /tmp/all.yaml
	printf 'approval: false\ncontrol: ""\npolicy: off\nagent: off\nwal: off\n' >> /tmp/all.yaml
	vedette daemon -c /tmp/all.yaml 2> /tmp/all-err &
	pair=$!
	pair_status=$(sed -n 's/^status_file: *//p' /tmp/all.yaml)
	pair_wait "$pair_status" $pair
}

pair_stop() { # pair_stop FOLDER
	cp "$pair_status" "$1/all-status.json"
	kill -TERM $pair
	wait $pair || sed 's/^/# without approval: /' /tmp/all-err
}
