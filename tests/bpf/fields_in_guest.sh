# SPDX-License-Identifier: Apache-2.0
# In the guest: deeds whose call, layer, peer, group or capabilities the fields must tell, in both sensor modes.
set -u
bad=0
insmod /t/modules/overlay.ko || { echo "not ok - overlayfs is there"; exit 1; }
mkdir -p /mnt
mount -t tmpfs layers /mnt
mkdir /mnt/lower /mnt/upper /mnt/work /mnt/merged
cp /t/fields /mnt/lower/low
mount -t overlay overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work /mnt/merged || { echo "not ok - layers are mounted"; exit 1; }
cp /t/fields /mnt/merged/up
ip link set lo up
ctime=$(stat -c %Z /mnt/merged/up)

# expect MODE WHAT PATTERN: some line matches. never: none does.
expect() {
	if grep -q -- "$3" /tmp/lines; then echo "ok - $1: $2"; else echo "not ok - $1: $2: no line has '$3'"; bad=1; fi
}
never() {
	if grep -q -- "$3" /tmp/lines; then echo "not ok - $1: $2: $(grep -m1 -- "$3" /tmp/lines)"; bad=1; else echo "ok - $1: $2"; fi
}

for mode in lsm tracepoint; do
	rm -rf /tmp/work /tmp/o.jsonl
	mkdir /tmp/work
	vedette run --sensor $mode --rules /t/fields_rules.yaml --quiet --output /tmp/o.jsonl -- /t/fields /tmp/work /mnt/merged > /tmp/notes 2>&1 ||
		{ echo "not ok - $mode: the deeds were done"; sed 's/^/# /' /tmp/notes; bad=1; }
	grep -o '"message":"@[^"]*@"' /tmp/o.jsonl > /tmp/lines
	expect $mode "open is open, whatever it creates" '@ d-open open SUCCESS | O_TRUNC|O_CREAT|O_WRONLY'
	never $mode "one call raises one event" '@ d-open openat'
	expect $mode "openat is openat" '@ d-openat openat SUCCESS | O_CREAT|O_RDWR'
	expect $mode "creat is creat" '@ d-creat creat SUCCESS | - '
	expect $mode "a 32-bit open is open" '@ d-compat open SUCCESS .*call=open via=compat'
	expect $mode "a 32-bit unlink is unlink" '@ d-compat unlink SUCCESS .*call=unlink via=compat'
	expect $mode "fchmod has a descriptor" '@ d-fchmod fchmod SUCCESS | - | S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID | /tmp/work/open | f '
	expect $mode "chmod has none" '@ d-chmod chmod SUCCESS | - | S_IRGRP|S_IWUSR|S_IRUSR | - | - '
	expect $mode "unlinkat is unlinkat" '@ d-unlinkat unlinkat SUCCESS | [0-] '
	expect $mode "the first peer of a socket is new" '@ d-peers sendto .*:4001 | 4 | new=true'
	expect $mode "the same again is not" '@ d-peers sendto .*:4001 | 4 | new=false'
	expect $mode "another is new" '@ d-peers sendto .*:4002 | 4 | new=true'
	expect $mode "who makes a session leads its group" '@ d-leader openat .*leader=true session=true'
	expect $mode "others do not" '@ d-openat openat .*leader=false session=false'
	expect $mode "capabilities are those of the thread" '@ d-nocaps openat .*cap=CAP_NET_RAW CAP_BPF eff= |'
	expect $mode "root has all" '@ d-openat openat .*cap=CAP_CHOWN .* CAP_CHECKPOINT_RESTORE eff=CAP_CHOWN '
	expect $mode "a user is named" '@ d-setuid setuid .*uid=root'
	expect $mode "execveat of a descriptor is execveat, and from a memfd" '@ [^ ]* execveat .*memfd=true'
	expect $mode "a file of the upper layer is told" '@ up execve .*up=true memfd=false'
	expect $mode "one of the lower layer is not in the upper" '@ low execve .*up=false memfd=false'
	expect $mode "ctime is that of the file" "@ up execve .*ctime=$ctime[0-9]\{9\} "
	expect $mode "a path is shown as given" '@ d-raw openat SUCCESS .* | /tmp/work/openat | .*raw=/tmp/work/../work/openat |'
	expect $mode "that of a file that is not there too" '@ d-raw open ENOENT .*raw=/tmp/work/../none |'
	expect $mode "the parent is the creator" 'parent=fields \([0-9]*\)=\1 |'
done
exit $bad
