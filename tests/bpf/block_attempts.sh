# SPDX-License-Identifier: Apache-2.0
# Runs in the guest under `vedette run --enforce`: tries to start forbidden programs by every way, and permitted ones, and prints TAP lines.
# block_attempts.sh NAME: NAME tells the load.
load=$1
denied() { # denied COMMAND...: the nonce must not appear, and the refusal must be EPERM
	out=$("$@" 2>&1)
	case $out in
	*NONCE*) echo "not ok - $load: $WHAT is blocked: it ran" ;;
	*"not permitted"*) echo "ok - $load: $WHAT is blocked" ;;
	*) echo "not ok - $load: $WHAT is blocked: it did not run, but for another reason: $out" ;;
	esac
}
allowed() {
	out=$("$@" 2>&1)
	case $out in *NONCE*) echo "ok - $load: $WHAT is permitted" ;; *) echo "not ok - $load: $WHAT is permitted: $out" ;; esac
}
WHAT="a program by its path" denied /tmp/bad/x
WHAT="a program through a symbolic link" denied /tmp/sym
WHAT="a program by an exact path" denied /tmp/exact
WHAT="a program in a chroot" denied chroot /tmp /bad/x
WHAT="a program through a private bind mount" denied unshare -m sh -c 'mount --bind /tmp/bad /tmp/mnt && /tmp/mnt/x'
WHAT="a program through a bind mount of the file" denied unshare -m sh -c 'mount --bind /tmp/exact /tmp/good/y && /tmp/good/y'
WHAT="a script in the folder" denied /tmp/bad/script
WHAT="an interpreter in the folder" denied /tmp/good/script
WHAT="a program by /proc/self/cwd" denied sh -c 'cd /tmp/bad && /proc/self/cwd/x'
WHAT="a program with odd slashes" denied /tmp/./bad//../bad/x
WHAT="a program by a relative path" denied sh -c 'cd /tmp/bad && ./x'
WHAT="a program in a deep folder" denied /tmp/bad/$(cat /tmp/deep)/x
WHAT="the same program elsewhere" allowed /tmp/good/x
WHAT="a name that only begins alike" allowed /tmp/badx
WHAT="a name that goes on" allowed /tmp/exact2
WHAT="a script elsewhere" allowed /tmp/good/script2
