#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Harmless acts that look like an intruder's. They touch only a folder of their own, read what they may, and change nothing else.
dir=$(mktemp -d /tmp/vedette-demo.XXXXXX) || exit 1
trap 'rm -rf "$dir" /dev/shm/vedette-demo-$$' EXIT
say() { printf '\n  act: %s\n' "$1"; }

say "read the password hashes"
cat /etc/shadow > /dev/null 2>&1

say "start a program from /dev/shm"
cp /bin/true /dev/shm/vedette-demo-$$ && /dev/shm/vedette-demo-$$

say "start a program from a hidden folder below /tmp"
mkdir "$dir/.hidden" && cp /bin/true "$dir/.hidden/x" && "$dir/.hidden/x"

say "preload a library from /tmp (an empty one: the loader only complains)"
: > "$dir/lib.so"
LD_PRELOAD="$dir/lib.so" /bin/true 2> /dev/null

say "set the set-user-id bit on a copy of true"
cp /bin/true "$dir/suid" && chmod u+s "$dir/suid"

say "add a key to an authorized_keys file"
mkdir -p "$dir/home/.ssh" && echo "ssh-ed25519 AAAA demo" >> "$dir/home/.ssh/authorized_keys"

say "send the shell history to nowhere"
ln -s /dev/null "$dir/home/.bash_history"

say "let a shell open a connection (to this host's own discard port, where nobody listens)"
bash -c 'exec 3<> /dev/tcp/127.0.0.1/9' 2> /dev/null

say "start a program under the name of a kernel thread"
bash -c 'exec -a "[kworker/0:1]" sleep 0'

exit 0
