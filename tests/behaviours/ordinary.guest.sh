#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ordinary work in a Debian guest (packages, compiler, tar, cron, ssh, services) raises nothing above low under the default rules.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
for kernel in 6.1 6.12; do
	timeout 700 tests/guest/guest --kernel $kernel --root debian --timeout 600 --get /var/log/vedette --out "$work/$kernel" \
		-- tests/behaviours/ordinary_in_guest.sh 2>&1 | sed -E "s/^((not )?ok - )/\1$kernel: /"
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; continue; }
	python3 - "$work/$kernel/var/log/vedette/alerts.jsonl" $kernel <<-'END' || bad=1
		import collections, json, sys
		path, kernel = sys.argv[1:]
		seen = collections.Counter()
		records = [json.loads(line) for line in open(path)]
		for r in records:
		    if "rule" in r and r["event"].get("kind") == "alert":
		        if r["rule"]["id"] == "watchman-signalled" and r["vedette"]["target"]["name"] == "vedette":
		            continue  # our own end of the watch
		        seen[(r["event"]["severity"], r["rule"]["id"])] += 1
		LOW = 21
		loud = {k: n for k, n in seen.items() if k[0] > LOW}
		for (level, rule), n in sorted(seen.items()):
		    print(f"# {kernel}: {n} x {rule} (severity {level})")
		print(f"{'not ok' if loud else 'ok'} - {kernel}: nothing above low in {len(records)} records" + "".join(f"; {n} x {r} ({l})" for (l, r), n in loud.items()))
		sys.exit(bool(loud))
	END
done
exit $bad
