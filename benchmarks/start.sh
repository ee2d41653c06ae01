#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Time from the start of vedette to the first event of the command it watches, natively; that from the start of a daemon, after the one before was
# killed at work, to the first event it alerts of; and the private memory of a watch that is idle. The first is the best of 7, the second the worst
# of 7. Prints a table, writes build/bench/start.json, fails over the limits. Needs root.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${1:-build/release}
[ "$(id -u)" -eq 0 ] || { echo "start: needs root; skipped"; exit 0; }
mkdir -p build/bench
work=$(mktemp -d)
group=""
trap '[ -z "$group" ] || { echo 1 > "$group/cgroup.kill"; sleep 0.2; rmdir "$group"; }; rm -rf "$work"' EXIT

# first_after LOG NS: milliseconds from then to the first alert of the log's last stream, by the alert's own time, which is that of the event
first_after() {
	/usr/bin/python3 - "$1" "$2" <<'P'
import calendar, json, sys, time
first = None
for line in open(sys.argv[1], "rb"):
    try:
        r = json.loads(line)
    except ValueError:
        continue  # still being written
    if r["event"]["dataset"] == "vedette.open":
        first = None
    if r["event"]["dataset"] == "vedette.alert" and first is None:
        s, ns = r["@timestamp"][:-1].split(".")
        first = calendar.timegm(time.strptime(s, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(ns)
if first is not None:
    print((first - int(sys.argv[2])) // 10**6)
P
}

best=999999
for _ in 1 2 3 4 5 6 7; do
	from=$(date +%s%N)
	"$B/vedette" run --quiet --output "$work/log" -- sh -c 'cat /etc/shadow > /dev/null' 2> /dev/null || { echo "start: the watch failed"; exit 1; }
	ms=$(first_after "$work/log" "$from")
	[ -n "$ms" ] || { echo "start: no event came"; exit 1; }
	[ "$ms" -lt "$best" ] && best=$ms
	rm -f "$work"/log*
done
"$B/vedette" run --quiet --output "$work/log" -- sleep 3 2> /dev/null &
pid=$!
sleep 2
rss=$(sed -nE 's/^RssAnon:[^0-9]*([0-9]+) kB/\1/p' "/proc/$pid/status")
wait $pid

# A daemon over a cgroup in which something happens all the time.
group=$(findmnt -nrt cgroup2 -o TARGET | head -n 1)/vedette-start.$$
mkdir "$group" || { group=""; echo "start: no cgroup can be made here"; exit 1; }
cat > "$work/rules.yaml" <<R
- rule: r
  event: process.exec
  when: process.executable == /usr/bin/true
  severity: high
R
cat > "$work/vedette.yaml" <<C
rules: [$work/rules.yaml]
scope: {cgroup: $group}
output: {file: $work/daemon.log}
agent: {folder: $work/agent}
wal: {folder: $work/wal}
control: $work/control.sock
status_file: ""
C
sh -c 'echo $$ > "$1/cgroup.procs"; while :; do /usr/bin/true; sleep 0.005; done' sh "$group" &
disown
worst=0
for i in 0 1 2 3 4 5 6 7; do # the first begins with nothing
	from=$(date +%s%N) ms=""
	"$B/vedette" daemon --config "$work/vedette.yaml" 2> "$work/err" &
	pid=$!
	while [ -z "$ms" ] && kill -0 $pid 2> /dev/null; do
		sleep 0.5
		[ "$(grep -c '"vedette.open"' "$work/daemon.log" 2> /dev/null)" = $((i + 1)) ] && ms=$(first_after "$work/daemon.log" "$from")
	done
	[ -n "$ms" ] || { echo "start: the daemon failed"; cat "$work/err"; exit 1; }
	[ "$i" -gt 0 ] && [ "$ms" -gt "$worst" ] && worst=$ms
	kill -KILL $pid
	wait $pid 2> /dev/null
done
printf 'start to first event   %6d ms   (300 at most)\nthe same after a kill  %6d ms   (less than 2000)\nprivate memory, idle   %6d KiB  (16384 at most)\n' "$best" "$worst" "$rss"
printf '[{"case": "start_to_first_event", "ms": %d}, {"case": "restart_after_kill", "ms": %d}, {"case": "rss_anon_idle", "kib": %d}]\n' "$best" "$worst" "$rss" > build/bench/start.json
[ "$best" -le 300 ] && [ "$worst" -lt 2000 ] && [ "$rss" -le 16384 ]
