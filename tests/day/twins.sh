# SPDX-License-Identifier: Apache-2.0
# In a Debian guest under the enforcing default policy, read by day_in_guest.sh: what looks like the acts of attacks.sh and is done by who may.
# shellcheck shell=sh
release=$(uname -r)
root="ssh root@localhost"

mkdir -p /tmp/copy
cp -a /etc/. /tmp/copy/
{ unshare -m sh -c 'mount --bind /tmp/copy /etc && mount -t tmpfs none /usr/lib/openssh && mount --bind /tmp/copy/hosts /etc/shadow' &&
	systemd-run --wait -q -p ProtectSystem=strict -p TemporaryFileSystem=/srv -p BindReadOnlyPaths=/tmp/copy:/etc -p PrivateTmp=no test -e /etc/passwd; } > /tmp/out 2>&1
say $? "mounts over /etc that nobody else sees"
mkdir -p /srv/chroot/etc /srv/chroot/proc /srv/chroot/usr /srv/data
{ mount --bind /usr /srv/chroot/usr && mount -o remount,bind,ro /srv/chroot/usr && mount -t proc proc /srv/chroot/proc && mount --bind /etc/hosts /srv/chroot/proc/version &&
	mount -t tmpfs none /srv/data && umount /srv/data /srv/chroot/proc/version /srv/chroot/proc /srv/chroot/usr; } > /tmp/out 2>&1
say $? "a root folder is put together, and taken apart"
{ $root 'echo "# a remark" >> /etc/pam.d/other && echo /usr/local/lib/mine > /etc/ld.so.conf.d/mine.conf && ldconfig' && ldconfig; } > /tmp/out 2>&1
say $? "who logged in edits settings of PAM and of the loader"
mkdir -p "/tmp/package/DEBIAN" "/tmp/package/lib/modules/$release/updates"
cp /t/modules/dummy.ko "/tmp/package/lib/modules/$release/updates/"
printf 'Package: mine-dkms\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: a module\n' > /tmp/package/DEBIAN/control
printf '#!/bin/sh\ndepmod\nmknod /tmp/by-package c 1 3\nsystemd-tmpfiles --create\nupdate-alternatives --install /etc/pam.d/mine mine /etc/hosts 1\n' > /tmp/package/DEBIAN/postinst
chmod 755 /tmp/package/DEBIAN/postinst
{ dpkg-deb --root-owner-group -b /tmp/package /tmp/mine.deb && dpkg -i /tmp/mine.deb && modprobe dummy && grep -q '^dummy ' /proc/modules && rmmod dummy; } > /tmp/out 2>&1
say $? "a package brings a module, which is loaded, and a device"
{ [ -L /etc/pam.d/mine ] && update-alternatives --install /usr/local/bin/mine mine-tool /bin/true 1 && mine && dpkg-divert --local --rename --add /usr/local/bin/mine &&
	dpkg-divert --local --rename --remove /usr/local/bin/mine && cp /bin/true /usr/lib/systemd/mine; } > /tmp/out 2>&1
say $? "links and diversions, by a package and by hand"
{ cp /bin/true /tmp/replaced && exec 3< /tmp/replaced && rm /tmp/replaced && systemd-run --wait -q "/proc/$$/fd/3"; } > /tmp/out 2>&1
say $? "systemd starts a program that was replaced meanwhile"
exec 3<&-
cp /bin/mknod /usr/sbin/libvirtd
unshare -m sh -c 'mount -t tmpfs none /mnt && mkdir /mnt/dev && /usr/sbin/libvirtd /mnt/dev/null c 1 3' > /tmp/out 2>&1
say $? "a virtual machine gets a folder of devices"
cp -f --remove-destination /bin/dash /usr/sbin/sulogin
/usr/sbin/sulogin -c 'sh -c "echo \# repaired >> /etc/pam.d/other"; exit $?' > /tmp/out 2>&1
say $? "an emergency shell repairs settings of PAM"
systemd-run --wait -q -u apport sh -c 'echo core > /proc/sys/kernel/core_pattern' > /tmp/out 2>&1
say $? "a service of crash reports sets where they go"
{ systemctl start systemd-tmpfiles-clean && systemctl restart systemd-udevd && udevadm trigger && udevadm settle &&
	sysctl -qw kernel.core_pattern=core; } > /tmp/out 2>&1
say $? "systemd makes files, udev devices, a setting of the kernel is made"
{ head -c 4096 /dev/zero > /dev/shm/data && cat /proc/1/status /proc/1/environ && $root 'sleep 50 & cat /proc/$!/mem 2>&1 | grep -q "Input/output"; kill $!'; } > /tmp/out 2>&1
say $? "shared memory holds data, and people look into processes"
