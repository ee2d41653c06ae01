#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Debian guest boots under the enforcing default policy; its ordinary work (packages, compiler, tar, cron, ssh, services) is not blocked, and raises nothing
# above low under the default rules. tests/day/day.sh has more of a day.
# Both kernels side by side.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bash tests/day/lay.sh "$work/lay" || exit 1
# On these kernels a second daemon without approval is asked as well.
pair() { case " ${PAIRED-6.1} " in *" $1 "*) echo "--add tests/behaviours/pair.sh" ;; esac }
one() { # one KERNEL
	# shellcheck disable=SC2046 # an option and its value, or nothing
	timeout 900 tests/guest/guest --kernel "$1" --root debian --smp 1 --timeout 800 $(pair "$1") --lay "$work/lay" --add docs/examples/enforce-default.yaml \
		--add tests/day/blocks.sh --get /var/log/vedette --out "$work/$1" \
		-- tests/behaviours/ordinary_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$1: /"
	local status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $1: the guest ended with $status"; return 1; }
	local bad=0
	[ ! -e "$work/$1/var/log/vedette/all.jsonl" ] || python3 tests/behaviours/approval.py "$1" "$work/$1/var/log/vedette" || bad=1
	python3 - "$work/$1/var/log/vedette/alerts.jsonl" "$1" <<-'END'
		import collections, json, sys
		LOW = 21
		path, kernel = sys.argv[1:]
		seen = collections.Counter()
		records = [json.loads(line) for line in open(path)]
		for r in records:
		    if "rule" not in r or r["event"].get("kind") != "alert":
		        continue
		    if r["rule"]["id"] == "watchman-signalled" and r["vedette"]["target"]["name"] == "vedette":
		        continue  # our own end of the watch
		    seen[(r["event"]["severity"], r["rule"]["id"])] += 1
		loud = {k: n for k, n in seen.items() if k[0] > LOW}
		for (severity, rule), n in sorted(seen.items()):
		    print(f"# {kernel}: {n} x {rule} (severity {severity})")
		print(f"{'not ok' if loud else 'ok'} - {kernel}: nothing above low in {len(records)} records" + "".join(f"; {n} x {r} ({s})" for (s, r), n in loud.items()))
		sys.exit(bool(loud))
	END
	[ $? -eq 0 ] && [ $bad -eq 0 ]
}
pids=()
for kernel in ${KERNELS:-6.1 6.12}; do
	one $kernel > "$work/out-$kernel" &
	pids+=($!)
done
bad=0
for pid in "${pids[@]}"; do wait "$pid" || bad=1; done
cat "$work"/out-*
exit $bad
