# SPDX-License-Identifier: Apache-2.0
# In a guest: what was blocked so far, as the log tells it.
# shellcheck shell=sh

day_log=${day_log:-/var/log/vedette/alerts.jsonl}

# blocks: a line each of what a rule or the protection refused
blocks() {
	python3 - "$day_log" <<-'P'
		import json, sys
		for line in open(sys.argv[1]):
		    r = json.loads(line)
		    if r.get("vedette", {}).get("action") in ("block", "kill"):
		        print(r["rule"]["id"], r.get("process", {}).get("executable", "?"), r.get("message", ""))
	P
}
