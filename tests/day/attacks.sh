# SPDX-License-Identifier: Apache-2.0
# In a Debian guest under the enforcing default policy, read by day_in_guest.sh: what intruders do, by rule. Each act must fail, and its rule be named.
# shellcheck shell=sh
before=$(blocks | wc -l)
cp /bin/true /tmp/mine
cp /bin/dash /usr/sbin/nginx
echo 'mine::0:0::/:/bin/sh' > /tmp/passwd
sleep 1000 &
victim=$!
sysctl -qw kernel.unprivileged_bpf_disabled=0
cat > /tmp/calls.py <<'P'
import ctypes, os, struct, sys
c = ctypes.CDLL(None, use_errno=True)
def ask(got):
    sys.exit(0 if got >= 0 else ctypes.get_errno())
def alg(): import socket; socket.socket(38, socket.SOCK_SEQPACKET, 0)
def module(): b = open("/t/modules/veth.ko", "rb").read(); ask(c.syscall(175, b, ctypes.c_ulong(len(b)), b""))
def bpf():
    code = ctypes.create_string_buffer(struct.pack("<BBhi", 0xb7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    attr = ctypes.create_string_buffer(struct.pack("<IIQQ", 1, 2, ctypes.addressof(code), ctypes.addressof(licence)) + bytes(104))
    ask(c.syscall(321, 5, attr, 128))
def memfd(): fd = os.memfd_create("x"); os.write(fd, open("/bin/true", "rb").read()); os.execve(fd, ["x"], {})
def attach(): ask(c.ptrace(16, int(sys.argv[2]), None, None))
def peek(): os.open("/proc/%s/mem" % sys.argv[2], os.O_RDONLY)
def pack(): import lzma; open("/tmp/veth.ko.xz", "wb").write(lzma.compress(open("/t/modules/veth.ko", "rb").read()))
def truncate(): os.truncate("/etc/gshadow", 0)
globals()[sys.argv[1]]()
P

# attack RULE WHAT COMMAND: must fail
attack() {
	if sh -c "$3" > /tmp/out 2>&1; then echo "not ok - attack: $2: it succeeded"; bad=1; else echo "ok - attack: $2: refused"; fi
	echo "$1" >> /tmp/wanted
}
rm -f /tmp/wanted
attack block-account-files-opened "a line is added to /etc/passwd" 'cat /tmp/passwd >> /etc/passwd'
attack block-account-files-opened "by Python" 'python3 -c "open(\"/etc/shadow\", \"a\").write(\"x\")"'
attack block-account-files-replaced "/etc/passwd is replaced" 'mv -f /tmp/passwd /etc/passwd'
attack block-account-files-replaced "/etc/shadow gets a second name" 'ln /etc/shadow /etc/second'
attack block-account-files-replaced "/etc/group is removed" 'rm -f /etc/group'
attack block-account-files-replaced "/etc/gshadow is cut off" 'python3 /tmp/calls.py truncate'
attack block-account-files-opened "the folder above is moved away" 'mv /etc /etc-away'
attack block-sudo-rules-changed "a rule of sudo" 'echo "tester ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/mine'
attack block-sudo-rules-changed "a rule of sudo by a link" 'ln -s /tmp/mine /etc/sudoers.d/mine'
attack block-library-preloaded "/etc/ld.so.preload" 'echo /tmp/mine.so > /etc/ld.so.preload'
attack block-library-preloaded "/etc/ld.so.preload by a link" 'ln -s /tmp/mine /etc/ld.so.preload'
attack block-login-programs-changed "another su" 'cp -f --remove-destination /tmp/mine /usr/bin/su'
attack block-login-programs-changed "su written over" 'cat /tmp/mine > /usr/bin/su'
attack block-login-programs-changed "a PAM module" 'cp /tmp/mine /usr/lib/x86_64-linux-gnu/security/pam_mine.so'
attack block-trusted-file-hidden "something mounted over /etc/passwd" 'mount --bind /tmp/calls.py /etc/passwd'
cp -a /etc /tmp/etc
# not /etc: the agent's own configuration lies there, and its protection refuses that first
attack block-login-programs-changed "a folder mounted over that of systemd" 'mount --bind /tmp/etc /usr/lib/systemd'
attack block-login-programs-changed "the same from a namespace that hands it on" 'unshare -m --propagation unchanged mount --bind /tmp/etc /usr/lib/systemd'
attack block-login-programs-changed "the same by an alias of the root" 'mount --bind / /mnt && mount --bind /tmp/etc /mnt/usr/lib/systemd'
umount /mnt
mkdir -p /tmp/layer/upper /tmp/layer/work && cp /bin/true /tmp/layer/upper/su
attack block-login-programs-changed "a layer over /usr/bin" 'mount -t overlay -o lowerdir=/usr/bin,upperdir=/tmp/layer/upper,workdir=/tmp/layer/work overlay /usr/bin'
attack block-login-programs-changed "an empty folder over /usr/lib" 'mount -t tmpfs none /usr/lib'
attack block-trusted-file-hidden "something mounted over the folder of PAM modules" 'mount -t tmpfs none /usr/lib/x86_64-linux-gnu/security'
attack block-sudo-rules-changed "a rule of sudo by systemd-tmpfiles" 'echo "f+ /etc/sudoers.d/mine 0440 root root - x ALL=(ALL) NOPASSWD:ALL" | systemd-tmpfiles --create - ; ls /etc/sudoers.d/mine'
attack block-account-files-opened "an account by systemd-tmpfiles" 'before=$(cat /etc/passwd); echo "w+ /etc/passwd - - - - x" | systemd-tmpfiles --create - ; [ "$before" != "$(cat /etc/passwd)" ]'
echo 'f+ /etc/sudoers.d/mine 0440 root root - x ALL=(ALL) NOPASSWD:ALL' > /tmp/mine.conf
attack block-sudo-rules-changed "the same in a unit that is named as those of systemd-tmpfiles" 'systemd-run --wait -q -u systemd-tmpfiles-x systemd-tmpfiles --create /tmp/mine.conf; ls /etc/sudoers.d/mine'
attack block-sudo-rules-changed "a rule of sudo by update-alternatives" 'update-alternatives --install /etc/sudoers.d/mine mine /tmp/calls.py 1; ls /etc/sudoers.d/mine'
attack block-library-preloaded "/etc/ld.so.preload by update-alternatives" 'update-alternatives --install /etc/ld.so.preload preload /tmp/calls.py 1; ls /etc/ld.so.preload'
attack block-login-programs-changed "su moved away by dpkg-divert" 'dpkg-divert --local --rename --add /usr/bin/su; [ ! -e /usr/bin/su ]'
attack block-login-programs-changed "a program by the name of a tool that is excepted" 'cp /bin/cp /usr/bin/pacman'
attack block-login-programs-changed "one that is named as those of systemd" 'cp /bin/cp /usr/lib/systemd/systemd-mine'
attack block-sudo-rules-changed "a rule of sudo by a program in the folder of systemd" 'cp /bin/cp /usr/lib/systemd/mine && /usr/lib/systemd/mine /tmp/mine.conf /etc/sudoers.d/mine'
attack block-sudo-rules-changed "a rule of sudo by a unit that is named as cloud-init" 'systemd-run --wait -q -u cloud-x sh -c ": > /etc/sudoers.d/mine"'
attack block-login-programs-changed "a library of PAM" 'cp -f --remove-destination /tmp/mine /usr/lib/x86_64-linux-gnu/libpam.so.0'
attack block-login-settings-changed "a line for PAM" 'echo "auth sufficient pam_permit.so" >> /etc/pam.d/common-auth'
attack block-login-settings-changed "a folder of libraries" 'echo /tmp/lib > /etc/ld.so.conf.d/000.conf'
attack block-kernel-modules-changed "a module copied among those of the system" 'cp /t/modules/veth.ko "/lib/modules/$(uname -r)/"'
attack block-kernel-module-from-elsewhere "a compressed kernel module" 'python3 /tmp/calls.py pack && insmod /tmp/veth.ko.xz'
attack block-device-made-elsewhere "a node for /dev/mem" 'mknod /tmp/m c 1 1'
attack block-kernel-helper-changed "core_pattern in another mount of proc" 'mkdir -p /tmp/p; mount -t proc proc /tmp/p; sh -c "echo \"|/tmp/mine\" > /tmp/p/sys/kernel/core_pattern"'
umount /tmp/p
attack block-kernel-helper-changed "the same in namespaces of its own" 'unshare -mpf --mount-proc sh -c "echo \"|/tmp/mine\" > /proc/sys/kernel/core_pattern"'
attack block-program-in-shared-memory "a program in shared memory by ld.so" 'cp /bin/true /dev/shm/y && /lib64/ld-linux-x86-64.so.2 /dev/shm/y'
attack block-tracing-by-service "reading the memory of a process" "python3 /tmp/calls.py peek $victim"
attack block-kernel-module-from-elsewhere "a kernel module from /t" 'insmod /t/modules/veth.ko'
attack block-kernel-module-from-elsewhere "a kernel module out of memory" 'python3 /tmp/calls.py module'
attack block-kernel-helper-changed "core_pattern" 'echo "|/tmp/mine" > /proc/sys/kernel/core_pattern'
attack block-kernel-memory-written "/dev/mem" ': > /dev/mem'
attack block-rare-sockets-of-users "AF_ALG by a user" 'su tester -s /bin/sh -c "python3 /tmp/calls.py alg"'
attack block-bpf-of-users "BPF by a user" 'su tester -s /bin/sh -c "python3 /tmp/calls.py bpf"'
attack block-fileless-program-of-service "a program out of memory" 'python3 /tmp/calls.py memfd'
attack block-program-in-shared-memory "a program in shared memory" 'cp /bin/true /dev/shm/x && /dev/shm/x'
attack block-dropped-program-of-web-server "a program that a web server dropped" '/usr/sbin/nginx -c "/tmp/mine; exit \$?"'
attack block-tracing-by-service "attaching to a process" "python3 /tmp/calls.py attach $victim"
kill $victim
# the same by who may
su tester -s /bin/sh -c "/tmp/mine" && ! python3 /tmp/calls.py alg 2>&1 | grep -q 'not permitted' && sh -c /tmp/mine && /usr/sbin/nginx -c true
say $? "what is like them goes through"
sleep 3
blocks > /tmp/blocked
for rule in $(sort -u /tmp/wanted); do
	wanted=$(grep -cx "$rule" /tmp/wanted) got=$(grep -c "^$rule " /tmp/blocked)
	[ "$got" -ge "$wanted" ]
	say $? "$rule: $got alerts of $wanted attacks"
	[ "$got" -ge "$wanted" ] || grep "^block-" /tmp/blocked | sed 's/^/# /'
done
for rule in $(sed -n 's/^- rule: //p' /t/enforce-default.yaml); do
	grep -qx "$rule" /tmp/wanted || { echo "not ok - $rule: nobody tried"; bad=1; }
done
others=$(cut -d ' ' -f 1 /tmp/blocked | sort -u | grep -cvxFf /tmp/wanted)
[ "$others" -eq 0 ] && [ "$before" -eq 0 ]
say $? "and no other rule blocked"
