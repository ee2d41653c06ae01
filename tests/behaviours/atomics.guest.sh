#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Public atomic tests in a Debian guest, with Falco's, Sigma's and our rules together: each raises the rules that atomics.tsv names.
set -u
cd "$(dirname "$0")/../.." || exit 1
corpora=${VEDETTE_CORPORA:-../shared/corpora}
if [ ! -e "$corpora/atomics_dev.json" ]; then
	echo "ok - public atomic tests # SKIP no $corpora/atomics_dev.json (VEDETTE_CORPORA names another place)"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/rules.d" "$work/atomics"
cp -R "$corpora"/falco/*.yaml "$corpora/sigma" "$work/rules.d/"
python3 tests/behaviours/atomics.py scripts "$corpora/atomics_dev.json" "$work/atomics" || exit 1
bad=0
for kernel in ${KERNELS:-6.1 6.12}; do
	timeout 700 tests/guest/guest --kernel $kernel --root debian --timeout 600 --add build/payload/inject --add "$work/rules.d" --add "$work/atomics" \
		--get /var/log/vedette --out "$work/$kernel" -- tests/behaviours/atomics_in_guest.sh
	status=$?
	[ $status -eq 0 ] || { echo "not ok - $kernel: the guest ended with $status"; bad=1; continue; }
	log=$work/$kernel/var/log/vedette
	python3 tests/behaviours/atomics.py judge $kernel "$corpora/atomics_dev.json" "$log/times" "$log/alerts.jsonl" "${EXPECTED:-tests/behaviours/atomics.tsv}" || bad=1
done
exit $bad
