#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench-alerts: benchmarks/alerts.sh build/VARIANT. Alerts a second that one core renders, signs and logs, the log in memory (/dev/shm), against
# each signed by itself and none signed, best of three by the processor's own time; and how long one alone takes to the disk, and into the hands of a
# webhook's receiver on loopback, beside a bare fdatasync in the same minute; from the rule's verdict on, for the way from the ring to there takes
# microseconds. Writes build/bench/alerts.json, a list of {case, alerts_per_s}; those of one alone, alone-durable and alone-webhook, are what comes of
# one after the other, and have p50_ms and p99_ms, and those of fdatasync. Ends with 1 when a goal is missed.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${1:?usage: benchmarks/alerts.sh build/VARIANT}
count=${ALERTS:-100000} alone=${ALONE:-1000}
memory=$(mktemp -d /dev/shm/vedette-bench.XXXXXX) && disk=$(mktemp -d build/bench-alerts.XXXXXX) || exit 1
trap 'rm -rf "$memory" "$disk"' EXIT
[ "$(stat -f -c %T "$memory")" = tmpfs ] || echo "bench-alerts: /dev/shm is no tmpfs here: the disk is in the figures" >&2
mkdir -p build/bench
for _ in 1 2 3; do
	"$B/bench/bench_alerts" --rates "$memory" "$count" || { echo "bench-alerts: bench_alerts failed" >&2; exit 1; }
done > "$memory/rates"
"$B/bench/bench_alerts" --latency "$disk" "$alone" > "$memory/latency" || { echo "bench-alerts: bench_alerts --latency failed" >&2; exit 1; }
/usr/bin/python3 - "$memory/rates" "$memory/latency" <<'P'
import json, sys
rate = {}
for line in open(sys.argv[1]):
    case, _, n, _, _ = line.split()
    rate[case] = max(rate.get(case, 0), int(n))
print(f"{'case':10} {'alerts/s a core':>16} {'of bulk':>8}")
for case, n in rate.items():
    print(f"{case:10} {n:16,} {n / rate['bulk']:8.2f}")
time = {}
for line in open(sys.argv[2]):
    what, _, p50, _, p99 = line.split()
    time[what] = {"p50_ms": int(p50) / 1e6, "p99_ms": int(p99) / 1e6}
words = {"fdatasync": "a bare fdatasync", "durable": "one alert alone, until it is durable", "webhook": "until a receiver has read it", "beyond": "of that beyond the durable line"}
for what, t in time.items():
    print(f"{words[what]:36} half within {t['p50_ms']:6.2f} ms, 99 of 100 within {t['p99_ms']:6.2f} ms")
cases = [{"case": case, "alerts_per_s": rate[case]} for case in ("bulk", "single", "unsigned")]
cases += [{"case": "alone-" + way, "alerts_per_s": round(1e3 / time[way]["p50_ms"]), **time[way], **{"fdatasync_" + k: ms for k, ms in time["fdatasync"].items()}}
          for way in ("durable", "webhook")]
json.dump(cases, open("build/bench/alerts.json", "w"), indent=1)
print("written: build/bench/alerts.json")
bad = []
if rate["bulk"] < 200000:
    bad.append(f"bulk: {rate['bulk']:,} alerts/s a core, at least 200,000")
if time["durable"]["p99_ms"] > time["fdatasync"]["p99_ms"] + 3:
    bad.append("one alert alone: more than 3 ms over a bare fdatasync at the 99th of 100")
if time["webhook"]["p99_ms"] > time["durable"]["p99_ms"] + 25:
    bad.append("one alert alone, by webhook: more than 25 ms over the durable line at the 99th of 100")
for b in bad:
    print("missed:", b)
sys.exit(bool(bad))
P
