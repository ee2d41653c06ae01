# SPDX-License-Identifier: Apache-2.0
# In the demo's guest: a program in /dev/shm is blocked by the kernel, the same one elsewhere runs.
mkdir -p /dev/shm /tmp/fine
cp /bin/busybox /dev/shm/miner
cp /bin/busybox /tmp/fine/busybox
cat > /tmp/attempt.sh <<'A'
echo "  act: start a program from /dev/shm"
/dev/shm/miner true && exit 1
echo "  act: start the same program from elsewhere"
/tmp/fine/busybox echo "  it runs"
A
vedette run --enforce --rules /t/blocking.yaml --output /tmp/guest.jsonl -- sh /tmp/attempt.sh || exit 1
grep -q '"vedette":{"action":"block"' /tmp/guest.jsonl
