# SPDX-License-Identifier: Apache-2.0
# In the guest: refused calls under rules that do not ask for outcomes, in both sensor modes.
bad=0
mkdir -p /tmp/out
for mode in lsm tracepoint; do
	vedette run --sensor $mode --rules /t/refused_rules.yaml --quiet --output /tmp/out/$mode.jsonl -- /t/refused > /tmp/notes 2>&1 ||
		{ echo "not ok - $mode: the calls were made"; sed 's/^/# /' /tmp/notes; bad=1; }
done
exit $bad
