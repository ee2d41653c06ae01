# SPDX-License-Identifier: Apache-2.0
# Makes the Debian system for --root debian and keeps it in the cache as one ext4 image, sourced by guest.
# Without root: mmdebstrap makes an archive, and a guest unpacks it onto the image.
# shellcheck shell=bash disable=SC2154

debian_packages=(
	systemd systemd-sysv dbus udev kmod cron openssh-server openssh-client
	gcc make libc6-dev iproute2 procps python3
	sudo psmisc sshpass curl ldap-utils bind9-dnsutils telnet
	runc crun podman
)

# The recipe is in the name, so that a new recipe makes a new image.
debian_image() {
	echo "$(cat "$here/debian.sh" "$here/debian-setup" | sha256sum | cut -c 1-16).ext4"
}

# debian_fetch SERIES: the image is in $cache/debian afterwards; a kernel of SERIES helps to make it.
debian_fetch() {
	local image dir
	image=$cache/debian/$(debian_image)
	if [ -e "$image" ]; then
		touch "$image"
		return
	fi
	need mmdebstrap mmdebstrap
	need mkfs.ext4 e2fsprogs
	mkdir -p "$cache/debian"
	exec 8>"$cache/debian/lock"
	flock 8
	rm -rf "$cache"/debian/new.*
	find "$cache/debian" -maxdepth 1 -name '*.ext4' -mtime +14 -delete
	if [ ! -e "$image" ]; then
		note 'making the Debian system, once: this takes minutes'
		dir=$(mktemp -d "$cache/debian/new.XXXXXX")
		debian_make "$1" "$dir" || { rm -rf "$dir"; die 'cannot make the Debian system'; }
		mv "$dir/image" "$image"
		rm -rf "$dir"
	fi
	exec 8>&-
}

# debian_make SERIES DIR: makes DIR/image
debian_make() {
	local series=$1 dir=$2 packages
	packages=$(IFS=,; echo "${debian_packages[*]}")
	# The text of the hook and not its name: who unpacks may not be allowed to look into our folder.
	if ! mmdebstrap --variant=minbase --format=tar --include="$packages" \
		--skip=cleanup/apt/lists,cleanup/reproducible \
		--customize-hook="$(cat "$here/debian-setup")" bookworm - >"$dir/archive" 2>"$dir/log"; then
		tail -n 20 "$dir/log" >&2
		return 1
	fi
	truncate -s 3G "$dir/image"
	/sbin/mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$dir/image" || return 1
	cat >"$dir/script" <<-'END'
		set -e
		mkdir /new
		mount -t ext4 /dev/guest/image /new
		/t/tar --numeric-owner --xattrs --xattrs-include='*' -xpf /dev/guest/archive -C /new
		umount /new
	END
	# Not busybox's tar: it does not know the archive's long names.
	"$here/guest" --kernel "$series" --timeout 1200 --add "$(command -v tar)" \
		--disk "archive=$dir/archive" --disk "image=$dir/image" -- "$dir/script" >&2
}
