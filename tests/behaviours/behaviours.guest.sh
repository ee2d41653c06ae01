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
# On these kernels a second daemon without approval is asked as well.
pair() { case " ${PAIRED-6.1} " in *" $1 "*) echo "--add tests/behaviours/pair.sh" ;; esac }
one() { # one KERNEL
	# shellcheck disable=SC2046 # an option and its value, or nothing
	timeout 800 tests/guest/guest --kernel "$1" --timeout 700 $(pair "$1") --add build/payload/behave --add tests/behaviours/behaviours.yaml --add "$work/rules.d" \
		--get /tmp/log --out "$work/$1" -- tests/behaviours/behaviours_in_guest.sh 2>&1
	local status=$? log=$work/$1/tmp/log bad=0
	[ $status -eq 0 ] || { echo "not ok - $1: the guest ended with $status"; return 1; }
	python3 tests/behaviours/behaviours.py "$1" "$work/acts" "$log/alerts.jsonl" "${EXPECTED:-tests/behaviours/expected.tsv}" "$corpora/behaviours.json" || bad=1
	[ ! -e "$log/all.jsonl" ] || python3 tests/behaviours/approval.py "$1" "$log" || bad=1
	if build/release/vedette verify --complete --key "$log/alerts.jsonl.pub" "$log/alerts.jsonl" > /dev/null; then
		echo "ok - $1: the log of the acts verifies"
	else
		echo "not ok - $1: the log of the acts does not verify"
		bad=1
	fi
	return $bad
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
