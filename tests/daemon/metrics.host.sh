#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Metrics of a daemon over a cgroup of its own on this host, with a write-ahead log, a sink that works and one that does not: both forms of text by
# promtool, clients that are slow or wrong, and every expression of the dashboard and the alert rules in a real Prometheus that scraped it.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${VEDETTE:=build/release/vedette}"
skip() { echo "ok - metrics of a daemon # SKIP $1"; exit 0; }
[ "$(id -u)" -eq 0 ] || skip "needs root"
programs=$(bash tests/daemon/prometheus_fetch.sh --cached 2>&1) || skip "$programs"
PATH=$programs:$PATH
root=$(findmnt -nrt cgroup2 -o TARGET | head -n 1)
group=$root/vedette-metrics-test.$$
[ -n "$root" ] && mkdir "$group" 2> /dev/null || skip "no cgroup can be made here"
VEDETTE=$(realpath "$VEDETTE")
work=$(mktemp -d)
pids=()
end() {
	: > "$work/stop"
	kill "${pids[@]}" 2> /dev/null
	wait 2> /dev/null
	rmdir "$group"
	rm -rf "$work"
}
trap end EXIT
check() { if [ "$1" -eq 0 ]; then echo "ok - $2"; else echo "not ok - $2"; sed 's/^/# /' "$work/out" | head -n 12; fi; }

promtool check rules docs/examples/prometheus-alerts.yaml > "$work/out" 2>&1; check $? "promtool takes the alert rules"
promtool test rules tests/daemon/prometheus-alerts.test.yaml > "$work/out" 2>&1; check $? "each alert comes when it should, and not else"

mkdir "$work/n"
cat > "$work/rules.yaml" <<END
- {rule: opened, event: file.open, when: "file.path startswith $work/n/", severity: low}
- {rule: loud, event: file.open, when: "file.path startswith $work/n/", severity: high}
- {rule: quiet, event: file.open, when: "file.path startswith $work/n/", severity: medium, throttle: {count: 1, per: 1h}}
END
read -r port prometheus_port < <(/usr/bin/python3 -c '
import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(x.getsockname()[1] for x in s))')
cat > "$work/vedette.yaml" <<END
rules: [$work/rules.yaml]
sensor: tracepoint
scope: {cgroup: $group}
output: {file: $work/log, heartbeat: 1s}
agent: {folder: $work/agent}
wal: {folder: $work/wal}
noise: {rate: 5, burst: 20, floor: high}
sinks:
  - {type: file, name: lines, path: $work/lines}
  - {type: syslog, name: "gone", address: "unix:$work/nobody", required: false, retry: {least: 200ms, most: 1s}}
metrics: {listen: "127.0.0.1:$port", file: $work/vedette.prom, interval: 1s}
control: $work/control.sock
status_file: ""
END
"$VEDETTE" keys init --folder "$work/agent" > "$work/key" 2> "$work/out"; check $? "an agent is made"
"$VEDETTE" daemon --config "$work/vedette.yaml" > "$work/daemon.out" 2>&1 &
daemon=$!
pids+=($daemon)
for ((i = 0; i < 300; i++)); do
	[ -S "$work/control.sock" ] && "$VEDETTE" status --control "$work/control.sock" --json > /dev/null 2>&1 && break
	kill -0 $daemon 2> /dev/null || break
	sleep 0.1
done
cp "$work/daemon.out" "$work/out"
kill -0 $daemon 2> /dev/null; check $? "a daemon serves metrics"
# shellcheck disable=SC2016 # the inner shell expands
sh -c 'echo $$ > "$1/cgroup.procs"; i=0; while [ ! -e "$2/stop" ]; do : > "$2/n/$i"; i=$(((i + 1) % 100)); sleep 0.02; done' - "$group" "$work" &
pids+=($!)

cat > "$work/prometheus.yaml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$PWD/docs/examples/prometheus-alerts.yaml]
scrape_configs: [{job_name: vedette, static_configs: [{targets: ["127.0.0.1:$port"]}]}]
END
GOMAXPROCS=1 prometheus --config.file "$work/prometheus.yaml" --storage.tsdb.path "$work/tsdb" --web.listen-address "127.0.0.1:$prometheus_port" \
	> "$work/prometheus.out" 2>&1 &
pids+=($!)
/usr/bin/python3 tests/daemon/metrics.py "$port" "http://127.0.0.1:$prometheus_port" || echo "not ok - metrics.py ended with a failure"

fetch() { /usr/bin/python3 - "$port" "$1" <<'END'
import sys, urllib.request
r = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/metrics", headers={"Accept": sys.argv[2]})
sys.stdout.buffer.write(urllib.request.urlopen(r, timeout=20).read())
END
}
fetch text/plain > "$work/text" && promtool check metrics < "$work/text" > "$work/out" 2>&1; check $? "promtool check metrics: no complaint"
[ ! -s "$work/out" ]; check $? "and no advice"
promtool check metrics < "$work/vedette.prom" > "$work/out" 2>&1; check $? "nor of the file"
[ "$(stat -c %a "$work/vedette.prom")" = 644 ] && [ ! -e "$work/vedette.prom.new" ]; check $? "the file is whole, and can be read by others"
"$VEDETTE" status --control "$work/control.sock" > "$work/out" 2>&1
grep -Eq '^rates     [1-9][0-9.]* events/s, ' "$work/out" && grep -q '^keys      epoch ' "$work/out" && grep -Eq '^memory    [1-9][0-9]* MiB resident' "$work/out"
check $? "status shows rates, keys and memory"
grep -Eq '^noise     [1-9][0-9]* alerts held back by throttles, [1-9][0-9]* by noise.rate' "$work/out"; check $? "and what was held back"
: > "$work/stop"
kill -TERM $daemon; wait $daemon; check $? "the daemon ends well"
cat "$work/lines" > "$work/out"
grep -q '"what":"limit"' "$work/lines" && grep -q '"what":"suppress"' "$work/lines"; check $? "the log tells what was held back"
"$VEDETTE" verify --key "$work/key" "$work/lines" > "$work/out" 2>&1; check $? "and verifies"
printf 'mine\n' > "$work/other"
"$VEDETTE" run -q -r "$work/rules.yaml" --metrics-file "$work/other" -- true > "$work/out" 2>&1
[ $? -eq 125 ] && [ "$(cat "$work/other")" = mine ]; check $? "a file of others is not overwritten"
"$VEDETTE" run -q -r "$work/rules.yaml" --metrics 0.0.0.0:1 -- true > "$work/out" 2>&1
[ $? -eq 125 ] && grep -q "nothing is served beyond this host" "$work/out"; check $? "nothing is served beyond this host"
# shellcheck disable=SC2016 # the inner shell expands
"$VEDETTE" run -q -r "$work/rules.yaml" --metrics "unix:$work/m.sock" --metrics-file "$work/run.prom" -- sh -c 'stat -c %a "$1"; exit 0' - "$work/m.sock" > "$work/out" 2>&1
[ $? -eq 0 ] && grep -qx 660 "$work/out" && [ ! -e "$work/m.sock" ] && promtool check metrics < "$work/run.prom"
check $? "vedette run serves on a unix socket, and leaves a file at its end"
