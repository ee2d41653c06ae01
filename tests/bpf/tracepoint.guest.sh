#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tracepoint mode on both kernels, though they could do more: every call as it was done, exchanged descriptors under full preemption.
set -u
here=tests/bpf payload=build/payload
dir=$(mktemp -d "${TMPDIR:-/tmp}/tracepoint.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cat > "$dir/script" <<'END'
mkdir /tmp/out
printf '[]\n' > /tmp/none.yaml
watch() {
	name=$1
	shift
	vedette run --quiet --sensor tracepoint --ring 64MiB --events --rules /tmp/none.yaml --output /tmp/out/$name.jsonl --status /tmp/out/$name.status -- "$@"
}
for program in calls calls_net; do
	watch $program /t/$program /tmp/out/$program.expect /tmp/work || echo "$program ended with $?"
done
watch exchange /t/exchange /tmp/work 20000 >/dev/null || echo "exchange ended with $?"
END
for kernel in 6.1 6.12; do
	if ! timeout 300 tests/guest/guest --kernel $kernel --append preempt=full --vedette "$VEDETTE" --add $payload/calls --add $payload/calls_net --add $payload/exchange \
		--get '/tmp/out/*' --out "$dir/$kernel" -- "$dir/script" > "$dir/log" 2>&1; then
		sed 's/^/# /' "$dir/log"
		echo "not ok - $kernel: the guest ran"
		continue
	fi
	grep -v '^$' "$dir/log" | sed "s/^/# $kernel: /"
	if grep -q 'ended with' "$dir/log"; then echo "not ok - $kernel: the programs did their deeds"; fi
	out=$dir/$kernel/tmp/out
	for program in calls calls_net; do
		python3 $here/expect.py "$kernel, $program" "$out/$program.jsonl" "$out/$program.expect"
		python3 $here/counts.py "$kernel, $program" "$out/$program.status"
	done
	python3 $here/exchange.py $kernel "$out/exchange.jsonl" 20000
	python3 $here/counts.py "$kernel, exchange" "$out/exchange.status"
done
