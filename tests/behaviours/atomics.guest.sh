#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Public atomic tests in a Debian guest, with Falco's, Sigma's and our rules together: each raises the rules that atomics.tsv names.
# Long: begins before the others.
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
# On these kernels a second daemon without approval is asked as well.
pair() { case " ${PAIRED-6.12} " in *" $1 "*) echo "--add tests/behaviours/pair.sh" ;; esac }
one() { # one KERNEL
	# shellcheck disable=SC2046 # an option and its value, or nothing
	timeout 900 tests/guest/guest --kernel "$1" --root debian --smp 1 --timeout 800 $(pair "$1") --add build/payload/inject --add "$work/rules.d" --add "$work/atomics" \
		--get /var/log/vedette --out "$work/$1" -- tests/behaviours/atomics_in_guest.sh 2>&1
	local status=$? log=$work/$1/var/log/vedette
	[ $status -eq 0 ] || { echo "not ok - $1: the guest ended with $status"; return 1; }
	local bad=0
	python3 tests/behaviours/atomics.py judge "$1" "$corpora/atomics_dev.json" "$log/times" "$log/alerts.jsonl" "${EXPECTED:-tests/behaviours/atomics.tsv}" || bad=1
	[ ! -e "$log/all.jsonl" ] || python3 tests/behaviours/approval.py "$1" "$log" || bad=1
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
