# SPDX-License-Identifier: Apache-2.0
# In the guest: every verb forbidden and permitted, by the ways there are to it. Effect: the call's error; record: an alert of the rule.
set -u
mkdir -p /tmp/p/mnt /tmp/p/folder /tmp/q/mnt /tmp/q/folder /tmp/alias
for f in p/secret p/a p/library q/secret q/a q/b q/library own inherited family users; do head -c 8192 /dev/zero > /tmp/$f; done
for f in jit reader parent p/program q/program q/only; do cp /t/verbs /tmp/$f; done
mkdir -p /tmp/s /tmp/q/umounted /tmp/q/folder2 /tmp/p/typed /tmp/q/moved /tmp/q/moved2
for f in s/suid q/suid s/plain; do cp /t/verbs /tmp/$f; done
chmod 4755 /tmp/s/suid /tmp/q/suid
chmod 666 /tmp/users
mkdir /tmp/empty /tmp/full /tmp/sysfs
mount -t tmpfs none /tmp/full
: > /tmp/full/file

# deny RULE COMMAND... / allow COMMAND...
cat > /tmp/attempts.sh <<'S'
deny() {
	rule=$1
	shift
	out=$("$@" 2>&1)
	case $out in
	EPERM | *"not permitted"*) echo "ok - denied: $*"; echo "$rule" >> /tmp/expected ;;
	*) echo "not ok - denied: $*: $out" ;;
	esac
}
allow() {
	out=$("$@" 2>&1)
	case $out in done) echo "ok - permitted: $*" ;; *) echo "not ok - permitted: $*: $out" ;; esac
}
# turns RULE COMMAND...: forbidden 80 times (twice in each of 40 rounds) and permitted as often, with what was remembered of the names by then
turns() {
	rule=$1
	shift
	out=$("$@" 2>&1)
	case $out in done) echo "ok - by turns: $*" ;; *) echo "not ok - by turns: $*: $out" ;; esac
	i=0
	while [ $i -lt 80 ]; do echo "$rule" >> /tmp/expected; i=$((i + 1)); done
}
: > /tmp/expected
v=/t/verbs
for way in read read-compat read-uring read-uring-worker; do
	deny open-read $v $way /tmp/p/secret
	allow $v $way /tmp/q/secret
	allow $v $way /tmp/p/a
done
deny open-write $v write /tmp/p/a
deny open-write $v trunc /tmp/p/a
allow $v write /tmp/q/a
allow $v trunc /tmp/q/b
deny create $v create /tmp/p/new
[ ! -e /tmp/p/new ] && echo "ok - a denied creation leaves nothing" || echo "not ok - a denied creation leaves nothing"
allow $v create /tmp/q/new
deny create $v mknod /tmp/p/fifo
allow $v mknod /tmp/q/fifo
for way in unlink unlink-compat unlink-uring; do
	deny delete $v $way /tmp/p/a
	: > /tmp/q/gone
	allow $v $way /tmp/q/gone
done
deny delete $v rmdir /tmp/p/folder
allow $v rmdir /tmp/q/folder
for way in rename rename-compat rename-uring; do
	deny rename $v $way /tmp/p/a /tmp/q/moved
	deny rename $v $way /tmp/q/a /tmp/p/moved
	: > /tmp/q/from
	allow $v $way /tmp/q/from /tmp/q/to
done
deny rename $v exchange /tmp/p/a /tmp/q/a
deny rename $v exchange /tmp/q/a /tmp/p/a
allow $v exchange /tmp/q/a /tmp/q/b
deny link $v link /tmp/p/a /tmp/q/hard
deny link $v link /tmp/q/a /tmp/p/hard
allow $v link /tmp/q/a /tmp/q/hard
deny symlink $v symlink /to /tmp/p/soft
allow $v symlink /to /tmp/q/soft
deny mkdir $v mkdir /tmp/p/dir
deny mkdir $v mkdir-compat /tmp/p/dir
allow $v mkdir /tmp/q/dir
deny chmod $v chmod /tmp/p/a 04755
allow $v chmod /tmp/p/a 0755
allow $v chmod /tmp/q/a 04755
deny chown $v chown /tmp/p/a 1000
allow $v chown /tmp/p/a 1002
deny truncate $v truncate /tmp/p/a
allow $v truncate /tmp/q/a
allow $v ftruncate /tmp/q/a
deny setxattr $v setxattr /tmp/p/a trusted.v
allow $v setxattr /tmp/p/a trusted.w
allow $v setxattr /tmp/q/a trusted.v
deny removexattr $v removexattr /tmp/p/a trusted.w
allow $v removexattr /tmp/q/a trusted.v
deny mount $v mount /tmp/p/mnt tmpfs
deny mount $v bind-mount /tmp/q /tmp/p/mnt
deny mount $v move-mount /tmp/p/mnt tmpfs
allow $v move-mount /tmp/q/mnt tmpfs
# what the caller calls the type counts only where a file system is made
deny mount-typed $v bind-mount-as /tmp/q /tmp/p/typed tmpfs
allow $v mount /tmp/p/typed tmpfs
deny mount-moves $v mount-moved /tmp/p/typed /tmp/q/moved
allow $v mount-moved /tmp/p/typed /tmp/q/moved2
deny mount-moves $v move-mount /tmp/q/moved tmpfs
allow $v bind-mount-as /tmp/q /tmp/q/moved tmpfs
mount -t tmpfs none /tmp/q/umounted
deny umount $v umount /tmp/q/umounted
deny umount $v umount-lazily /tmp/q/umounted
deny umount $v umount-compat /tmp/q/umounted
mount -t tmpfs none /tmp/q/folder2
allow $v umount /tmp/q/folder2
deny mmap $v mmap /tmp/p/library
allow $v mmap /tmp/q/library
deny mprotect $v mprotect /tmp/p/library
allow $v mprotect /tmp/q/library
deny mmap-anonymous /tmp/jit mmap-anonymous
allow $v mmap-anonymous
deny mprotect-anonymous /tmp/jit mprotect-anonymous
allow $v mprotect-anonymous
deny exec $v exec /tmp/p/program prctl 15
allow $v exec /tmp/q/program prctl 15
deny exec-by /tmp/jit exec /tmp/q/program prctl 15
deny exec-by /tmp/jit child /tmp/q/program prctl 15
allow /tmp/reader exec /tmp/q/program prctl 15
deny exec-only-by $v exec /tmp/q/only prctl 15
allow /tmp/reader exec /tmp/q/only prctl 15
allow /tmp/reader child /tmp/q/only prctl 15
for way in connect connect-udp connect-compat connect-uring; do
	deny connect $v $way 127.0.0.2 99
	allow $v $way 127.0.0.2 98
	allow $v $way 127.0.1.2 99
done
deny connect $v connect6 ::ffff:127.0.0.2 5000
deny connect $v connect6 fd00::1 99
allow $v connect6 ::1 99
for way in send send-unspec fastopen sendmmsg; do
	deny send $v $way 127.0.0.2 99
	allow $v $way 127.0.0.2 98
done
deny send $v send6 ::ffff:127.0.0.2 99
allow $v send6 ::ffff:127.0.0.3 99
deny bind $v bind 127.0.0.1 7001
allow $v bind 127.0.0.1 7101
deny listen $v listen 127.0.0.1 7002
allow $v listen 127.0.0.1 7102
deny accept $v accept 127.0.0.1 7003
allow $v accept 127.0.0.1 7103
deny socket $v socket 17 3 0
deny socket $v socket 38 5 0
allow $v socket 2 1 0
deny unix-path $v unix /tmp/q/forbidden
deny unix-name $v unix @forbidden
allow $v unix @forbidden2
allow $v unix /tmp/q/socket
deny ptrace /tmp/jit ptrace
allow $v ptrace
deny ptrace /tmp/jit traceme
allow $v traceme
deny kill $v kill 12
allow $v kill 10
deny prctl /tmp/jit prctl 15
allow $v prctl 15
deny setuid $v setuid 1001
allow $v setuid 1002
deny userns /tmp/jit userns
deny userns /tmp/jit userns-clone
allow $v userns
allow $v userns-clone
deny setid $v exec /tmp/s/suid prctl 15
allow $v exec /tmp/q/suid prctl 15
allow $v exec /tmp/s/plain prctl 15
deny module /tmp/jit init-module
deny module /tmp/jit finit-module /tmp/q/library
allow $v init-module
deny bpf /tmp/jit bpf-load 1
allow $v bpf-load 1
# whoever acts: by the image's two names, by ancestors, by user
deny reader-only $v read /tmp/own
allow /tmp/reader read /tmp/own
deny reader-only unshare -m sh -c 'mount --bind /t/verbs /tmp/reader && /tmp/reader read /tmp/own'
deny below-parent /tmp/parent child $v read /tmp/inherited
deny below-parent /tmp/parent exec $v read /tmp/inherited
deny below-parent /tmp/parent child /bin/sh -c "/t/verbs read /tmp/inherited; true"
allow $v read /tmp/inherited
deny not-below-parent $v read /tmp/family
allow /tmp/parent child $v read /tmp/family
deny by-user su -s /bin/sh tester -c "/t/verbs read /tmp/users"
allow $v read /tmp/users
# what is remembered of names ends with a rename, a mount, a name that is gone; links are names of their own
mkdir /tmp/early /tmp/late
turns late $v moves /tmp/early /tmp/late
turns late $v makes-anew /tmp/early /tmp/late
: > /tmp/early/file
ln /tmp/early/file /tmp/late/link
turns late $v by-turns /tmp/early/file /tmp/late/link
: > /tmp/late/mounted
turns late $v mounts /tmp/early/file /tmp/late/mounted
deny late unshare -m sh -c 'cat /tmp/early/file && mount --bind /tmp/early /tmp/late && /t/verbs read /tmp/late/file'
deny late unshare -m sh -c 'cat /tmp/early/file && mount --bind /tmp/late /tmp/early && /t/verbs read /tmp/early/link'
# folders that are known to concern no rule do once they, or one above them, lie elsewhere
mkdir -p /tmp/over/x/y /tmp/late/deep /tmp/part
: > /tmp/over/x/y/file
: > /tmp/late/deep/file
: > /tmp/part/file
for i in 1 2 3; do allow $v read /tmp/over/x/y/file; done
for i in 1 2 3; do
	mv /tmp/over /tmp/late/over
	for k in 1 2; do deny late $v read /tmp/late/over/x/y/file; done
	mv /tmp/late/over /tmp/over
	for k in 1 2; do allow $v read /tmp/over/x/y/file; done
done
deny late unshare -m sh -c 'cat /tmp/part/file /tmp/part/file && mount --bind /tmp/late/deep /tmp/part && /t/verbs read /tmp/part/file'
deny late unshare -m sh -c 'cat /tmp/over/x/y/file && mount --bind /tmp/over/x /tmp/late/deep && /t/verbs read /tmp/late/deep/y/file'
rm -r /tmp/over/x/y
mkdir -p /tmp/late/over/x/y
: > /tmp/late/over/x/y/file
deny late $v read /tmp/late/over/x/y/file
# the object: by its two names
deny open-read unshare -m sh -c 'mount --bind /tmp/p /tmp/alias && /t/verbs read /tmp/alias/secret'
deny open-read unshare -m sh -c 'mount --bind /tmp/p/secret /tmp/q/a && /t/verbs read /tmp/q/a'
# nothing is mounted over the folders above, where others see it
deny open-read $v bind-mount /tmp/q /tmp/p
deny open-read $v mount /tmp tmpfs
deny open-read $v move-mount /tmp/p tmpfs
mkdir /tmp/alias2
deny open-read sh -c 'mount --bind /tmp /tmp/alias2 && /t/verbs mount /tmp/alias2/p tmpfs'
umount /tmp/alias2
allow unshare -m sh -c 'mount --bind /tmp/q /tmp/p && /t/verbs prctl 15'
deny hidden $v mount /tmp/full tmpfs
allow sh -c 'mount -o remount,ro /tmp/full && mount --make-shared /tmp/full && mount --make-private /tmp/full && /t/verbs prctl 15'
allow $v mount /tmp/empty tmpfs
# files of proc and sysfs are what they are in each mount of these
mkdir /tmp/proc
mount -t proc proc /tmp/proc
deny kernel-setting $v write /proc/sys/kernel/core_pattern
deny kernel-setting $v write /tmp/proc/sys/kernel/core_pattern
deny kernel-setting unshare -n sh -c 'mount -t sysfs sysfs /tmp/sysfs && /t/verbs read /tmp/sysfs/kernel/uevent_seqnum; umount /tmp/sysfs'
allow $v write /tmp/proc/sys/kernel/hostname
umount /tmp/proc
S
vedette run --quiet --enforce --rules /t/verdicts_rules.yaml --output /tmp/log.jsonl --status /tmp/status.json -- sh /tmp/attempts.sh 2> /tmp/err
[ $? -eq 0 ] || { echo "not ok - the run ended well"; cat /tmp/err; }
grep '"action":"block"' /tmp/log.jsonl | grep -o '"rule":{"id":"[^"]*"' | sed 's/.*"id":"//; s/"//' | sort | uniq -c | awk '{print $2, $1}' > /tmp/got
sort /tmp/expected | uniq -c | awk '{print $2, $1}' > /tmp/want
if cmp -s /tmp/got /tmp/want; then echo "ok - one alert for each denied act, of its rule"; else echo "not ok - one alert for each denied act, of its rule"; diff /tmp/want /tmp/got; fi
vedette verify --complete --key /tmp/log.jsonl.pub /tmp/log.jsonl > /tmp/verdict 2>&1 && echo "ok - the log verifies" || { echo "not ok - the log verifies"; cat /tmp/verdict; }
grep -q '"verdict":"block"' /tmp/log.jsonl && ! grep '"verdict":"block"' /tmp/log.jsonl | grep -qv '"stage":"completed"' && echo "ok - what is denied is known to have failed" || echo "not ok - what is denied is known to have failed"
grep '"verdict":"block"' /tmp/log.jsonl | grep -c '"uncertain":\["vedette.verdict"\]' | { read n; [ "$n" -eq 0 ] && echo "ok - nothing was unknown" || echo "not ok - nothing was unknown ($n)"; }
totals=$(tail -n 1 /tmp/log.jsonl | grep -o '"totals":{[^}]*}')
echo "$totals" | grep -q '"lost":0' && echo "ok - nothing was lost" || echo "not ok - nothing was lost: $totals"
sh /t/kill_in_guest.sh
sh /t/images_in_guest.sh
sh /t/cgroup_names_in_guest.sh
