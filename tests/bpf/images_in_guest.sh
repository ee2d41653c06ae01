# SPDX-License-Identifier: Apache-2.0
# In the guest: exec of files that were written since boot, and by the hash of their content; files of devices that are mounted later.
set -u
insmod /t/modules/overlay.ko || echo "not ok - overlayfs is there"
mkdir -p /tmp/w /tmp/hash /tmp/m
cp /t/nonce /tmp/w/old
cp /t/nonce /tmp/w/touched
cp /t/verbs /tmp/w/library
cp /t/nonce /tmp/hash/same
cp /t/nonce /tmp/hash/listed
cp /t/verbs /tmp/hash/other
date -s "@$(($(date +%s) + 3600))" > /dev/null # all that is there becomes older than the boot
sleep 1
cp /t/nonce /tmp/w/new
cp /t/nonce /tmp/w/backdated
touch -d '2001-01-01' /tmp/w/backdated
chmod 700 /tmp/w/touched
cp /tmp/w/old /tmp/w/renamed.tmp
mv /tmp/w/renamed.tmp /tmp/w/renamed
cp /t/verbs /tmp/w/newlibrary
sum=$(sha256sum /tmp/hash/same | cut -d ' ' -f 1)
other=$(sha256sum /etc/passwd | cut -d ' ' -f 1)
mkdir -p /tmp/hash2 /tmp/o /tmp/low2 /tmp/up2 /tmp/work2
cp /t/nonce /tmp/hash2/large
truncate -s 260M /tmp/hash2/large
cp /t/nonce /tmp/hash2/patched
cp /t/nonce /tmp/low2/base
mount -t overlay none -o lowerdir=/tmp/low2,upperdir=/tmp/up2,workdir=/tmp/work2 /tmp/o || echo "not ok - layers are mounted"
cp /t/nonce /tmp/o/added
cat > /tmp/images.yaml <<Y
- rule: written
  event: process.exec
  severity: high
  action: block
  when: process.executable startswith /tmp/w/ and vedette.file.written
- rule: written-mapping
  event: [file.mmap_exec, file.mprotect_exec]
  severity: high
  action: block
  when: file.path startswith /tmp/w/ and vedette.file.written
- rule: by-hash
  event: process.exec
  severity: high
  action: block
  when: file.hash.sha256 = $sum and process.executable startswith /tmp/hash/ and not process.executable in (/tmp/hash/listed, /tmp/hash/killed, /tmp/hash/by-thread)
- rule: large
  event: process.exec
  severity: high
  action: block
  when: process.executable = /tmp/hash2/large and file.hash.sha256 = $other
- rule: in-layers
  event: process.exec
  severity: high
  action: block
  when: process.executable startswith /tmp/o/ and file.hash.sha256 = $other
- rule: no-file
  event: process.exec
  severity: high
  action: block
  when: vedette.exec.fileless and not file.hash.sha256 = $sum
- rule: patched
  event: process.exec
  severity: high
  action: block
  when: process.executable = /tmp/hash2/patched and not file.hash.sha256 = $sum
- rule: not-by-hash
  event: process.exec
  severity: high
  action: block
  when: process.executable = /tmp/hash/listed and not file.hash.sha256 in ($sum)
- rule: killed-by-hash
  event: process.exec
  severity: high
  action: kill
  when: process.executable in (/tmp/hash/killed, /tmp/hash/by-thread) and file.hash.sha256 = $sum and process.args = x
- rule: killed-by-another
  event: process.exec
  severity: high
  action: kill
  when: process.executable = /tmp/hash/by-thread and not file.hash.sha256 = $sum
Y
cp /t/nonce /tmp/hash/killed
cp /t/nonce /tmp/hash/by-thread
cat > /tmp/images.sh <<'S'
refused() { out=$("$@" 2>&1); case $out in *NONCE* | *done*) echo "not ok - refused: $*: $out" ;; *) echo "ok - refused: $*" ;; esac; }
runs() { out=$("$@" 2>&1); case $out in NONCE | done) echo "ok - runs: $*" ;; *) echo "not ok - runs: $*: $out" ;; esac; }
runs /tmp/w/old
for f in new backdated touched renamed; do refused /tmp/w/$f; done
cp /t/nonce /tmp/w/later
refused /tmp/w/later
# an overlay of a user's own may lie over what he serves himself: its times are not the kernel's
mkdir -p /tmp/low /tmp/up /tmp/work
cp -p /tmp/w/old /tmp/low/old
overlay='mount -t overlay none -o lowerdir=/tmp/low,upperdir=/tmp/up,workdir=/tmp/work,userxattr'
runs unshare -Urm sh -c "$overlay /tmp/m && /tmp/m/old"
refused unshare -Urm sh -c "$overlay /tmp/w && /tmp/w/old"
runs /t/verbs mmap /tmp/w/library
refused /t/verbs mmap /tmp/w/newlibrary
runs /t/verbs mprotect /tmp/w/library
refused /t/verbs mprotect /tmp/w/newlibrary
refused /tmp/hash/same
refused /tmp/hash/same
mv /tmp/hash/same /tmp/hash/moved
refused /tmp/hash/moved
runs /tmp/hash/listed
runs /tmp/hash/listed
runs /tmp/hash/other prctl 15
echo more >> /tmp/hash/moved
runs /tmp/hash/moved
echo more >> /tmp/hash/listed
refused /tmp/hash/listed
runs /tmp/hash/killed
refused /tmp/hash/killed x
runs /t/verbs thread-exec /tmp/hash/by-thread
refused /t/verbs thread-exec /tmp/hash/by-thread x
runs /tmp/hash2/patched
runs /tmp/o/base
refused /tmp/o/added # a mapping of it could be written while it is executed: its hash is not known
refused /t/verbs exec-memfd /t/nonce # the hash that is allowed: what is written after it was made has no hash
refused /tmp/hash2/large
sleep 2
runs /tmp/hash2/patched
runs /t/verbs patch /tmp/hash2/patched
refused /tmp/hash2/patched
runs /tmp/hash/moved
runs /tmp/hash/moved
cp /t/nonce /tmp/hash/moved
refused /tmp/hash/moved
S
vedette run --quiet --enforce --rules /tmp/images.yaml --output /tmp/images.jsonl -- sh /tmp/images.sh 2> /tmp/err
[ $? -eq 0 ] || { echo "not ok - the run of images ended well"; cat /tmp/err; }
grep '"rule":{"id":"by-hash"' /tmp/images.jsonl | grep -q "\"sha256\":\"$sum\"" && echo "ok - the record has the hash" || { echo "not ok - the record has the hash"; grep by-hash /tmp/images.jsonl | head -n 1; }
[ "$(grep -c '"rule":{"id":"by-hash"' /tmp/images.jsonl)" -eq 4 ] && echo "ok - four by their hash" || echo "not ok - four by their hash ($(grep -c '"rule":{"id":"by-hash"' /tmp/images.jsonl))"
unknown=$(grep '"verdict":"block"' /tmp/images.jsonl | grep '"uncertain":\["vedette.verdict"\]' | grep -o '"rule":{"id":"[a-z-]*"' | sort -u | tr -d '\n')
[ "$unknown" = '"rule":{"id":"in-layers""rule":{"id":"large""rule":{"id":"no-file"' ] && echo "ok - no other hash was unknown" || echo "not ok - no other hash was unknown: $unknown"
grep -q '"what":"hashes"' /tmp/images.jsonl && echo "ok - a hash that was not made is told" || echo "not ok - a hash that was not made is told"
printf -- '- rule: h\n  event: process.exec\n  when: file.hash.sha256 = %s\n  severity: high\n' "$sum" > /tmp/alert.yaml
cp /t/nonce /tmp/hash/alert
vedette run --quiet --rules /tmp/alert.yaml --output /tmp/images.jsonl -- /tmp/hash/alert > /dev/null 2>&1
grep -q '"rule":{"id":"h"' /tmp/images.jsonl && echo "ok - a rule that only alerts has the hash, too" || echo "not ok - a rule that only alerts has the hash, too"
