#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What share of the opens of a compile and of a package's installation the kernel drops: under the rules that ship; under these, Falco's and
# Sigma's; and under all of them but those that cost file.open whole. A Debian guest, KERNEL=6.1 or 6.12; the figures are counts, not times.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build/release} corpora=${VEDETTE_CORPORA:-../shared/corpora}
if [ ! -d "$corpora/falco" ] || [ ! -d "$corpora/sigma" ]; then
	echo "no rules at $corpora/falco and $corpora/sigma (VEDETTE_CORPORA names another place)" >&2
	exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/all" "$work/keyed"
cp -R "$corpora/falco" "$corpora/sigma" rules "$work/all/"
cp -R "$work/all/." "$work/keyed/"
"$build/vedette" explain --json --rules "$work/all" > "$work/sent.json" || exit 1
# those that cost the type are switched off, in the way of the format they are written in
python3 - "$work" <<'END'
import json, sys
work = sys.argv[1]
opens = next(e for e in json.load(open(f"{work}/sent.json"))["events"] if e["event"] == "file.open")
with open(f"{work}/keyed/falco/zz-local.yaml", "w") as out:
    for rule in opens["rules"]:
        if not rule["costs"]:
            continue
        print(f"all opens are sent because of {rule['rule']}: {rule.get('not_told') or rule.get('needs')}")
        out.write(f"- rule: {json.dumps(rule['rule'])}\n  enabled: false\n  override: {{enabled: replace}}\n")
print(f"{len(opens['rules'])} rules look at opens")
END
"$build/vedette" check "$work/keyed" > "$work/check" 2>&1 || { tail -n 5 "$work/check"; exit 1; }
tests/guest/guest --kernel "${KERNEL:-6.12}" --root debian --timeout 1500 --vedette "$build/vedette" --add "$work/all" --add "$work/keyed" -- benchmarks/approval/guest.sh
