#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Falco's default rules against small attacks, in both guests: each raises the rules that expected.tsv names.
set -u
cd "$(dirname "$0")/../.." || exit 1
corpora=${VEDETTE_CORPORA:-../shared/corpora}
if [ ! -d "$corpora/falco" ]; then
	echo "ok - behaviours under Falco's rules # SKIP no rules at $corpora/falco (VEDETTE_CORPORA names another place)"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/rules.d"
cp "$corpora"/falco/*.yaml "$work/rules.d/"
# Rules that are off by default are switched on for the acts that are about them.
cat > "$work/rules.d/zz-local.yaml" <<'END'
- rule: Container Drift Detected (chmod)
  enabled: true
  override: {enabled: replace}
- rule: Container Drift Detected (open+create)
  enabled: true
  override: {enabled: replace}
- rule: Create Hidden Files or Directories
  enabled: true
  override: {enabled: replace}
- rule: Interpreted procs inbound network activity
  enabled: true
  override: {enabled: replace}
- rule: Interpreted procs outbound network activity
  enabled: true
  override: {enabled: replace}
- rule: Java Process Class File Download
  enabled: true
  override: {enabled: replace}
- rule: Modify Container Entrypoint
  enabled: true
  override: {enabled: replace}
- rule: Read Shell Configuration File
  enabled: true
  override: {enabled: replace}
END
build/payload/behave --list > "$work/acts"
bad=0
for kernel in 6.1 6.12; do
	timeout 400 tests/guest/guest --kernel $kernel --timeout 300 --add build/payload/behave --add tests/behaviours/behaviours.yaml --add "$work/rules.d" \
		--get /tmp/log --out "$work/$kernel" -- tests/behaviours/behaviours_in_guest.sh
	status=$?
	[ $status -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; continue; }
	python3 tests/behaviours/behaviours.py $kernel "$work/acts" "$work/$kernel/tmp/log/alerts.jsonl" "${EXPECTED:-tests/behaviours/expected.tsv}" || bad=1
	build/release/vedette verify --complete --key "$work/$kernel/tmp/log/alerts.jsonl.pub" "$work/$kernel/tmp/log/alerts.jsonl" > /dev/null
	status=$?
	[ $status -eq 0 ] && echo "ok - $kernel: the log of the acts verifies" || { echo "not ok - $kernel: the log of the acts does not verify"; bad=1; }
done
exit $bad
