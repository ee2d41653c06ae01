#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What verifying inside syslog-ng costs: one stream of RECORDS records (100,000), BATCH under a signature (64), read from a file by a real syslog-ng with the
# module, and once without. Counts messages for each second of CPU time of syslog-ng. Writes build/bench/syslog-ng.json: a list of {case, messages_per_s}.
# Fails when fewer than 50,000 are verified a second, or one is not found good and next.  benchmarks/syslog_ng.sh build/VARIANT
set -u
cd "$(dirname "$0")/.." || exit 1
B=${1:?usage: benchmarks/syslog_ng.sh build/VARIANT}
records=${RECORDS:-100000} batch=${BATCH:-64} goal=50000
root=$(bash tests/alerts/receivers_fetch.sh) || exit 1
make -s WITH_SYSLOG_NG=1 SYSLOG_NG_ROOT="$root" "$B/syslog-ng/libvedette.so" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
LD_LIBRARY_PATH=$root/usr/lib/syslog-ng:$root/usr/lib/$(uname -m)-linux-gnu:$root/lib/$(uname -m)-linux-gnu
export LD_LIBRARY_PATH
"$B/bench/bench_judge" --write "$work" "$records" "$batch" || exit 1
lines=$(wc -l < "$work/log")
ticks=$(getconf CLK_TCK)

used() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # ticks of CPU time, user and system

lines_out() { if [ -e "$work/out" ]; then wc -l < "$work/out"; else echo 0; fi; }

# measure CASE TEMPLATE: sets rate, and leaves what came in $work/out
measure() {
	local pid until
	rm -f "$work"/{out,persist}
	cat > "$work/conf" <<-END
		@version: 3.38
		@module vedette
		options { log-msg-size(131072); stats-level(0); };
		log {
			source { file("$work/log" flags(no-parse) log-fetch-limit(1000) log-iw-size(10000)); };
			destination { file("$work/out" template("$2\n") flush-lines(1000)); };
			flags(flow-control);
		};
	END
	"$root/usr/sbin/syslog-ng" -F -f "$work/conf" -R "$work/persist" -c "$work/ctl" --pidfile "$work/pid" --no-caps --worker-threads=1 \
		--module-path "$PWD/$B/syslog-ng:$root/usr/lib/syslog-ng/3.38" &
	pid=$!
	until=$((SECONDS + 120))
	while [ "$(lines_out)" -lt "$lines" ] && [ $SECONDS -lt $until ] && kill -0 $pid; do sleep 0.1; done
	rate=$(awk -v n="$lines" -v t="$(used $pid)" -v hz="$ticks" 'BEGIN { printf "%d", n / (t / hz) }')
	kill $pid
	wait $pid
	printf '%-44s %10d messages a second of CPU\n' "$1" "$rate"
}

measure 'syslog-ng alone' "\$MSG"
alone=$rate
measure 'syslog-ng, verifying' "\$(vedette-verify $work/keys \$MSG)"
good=$(grep -cE '^good (first|next) 0$' "$work/out")
mkdir -p build/bench
printf '[{"case":"alone","messages_per_s":%d},{"case":"verifying","messages_per_s":%d}]\n' "$alone" "$rate" > build/bench/syslog-ng.json
[ "$good" -eq "$lines" ] || { echo "only $good of $lines were found good and in order"; exit 1; }
[ "$rate" -ge $goal ] || { echo "fewer than $goal a second"; exit 1; }
