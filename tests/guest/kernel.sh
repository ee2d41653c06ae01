# SPDX-License-Identifier: Apache-2.0
# Finds Debian's cloud kernels and keeps them unpacked in the cache, sourced by guest.
# A kernel appears in the cache by one rename, when it is whole; installs nothing on the host.
# shellcheck shell=bash disable=SC2154

# The metapackage moves with every kernel update; versioned names come from it and nowhere else.
declare -A kernel_metapackage=(
	[6.1]=linux-image-cloud-amd64
	[6.12]=linux-image-6.12-cloud-amd64
)

# kernel_unpack PACKAGE DIR: leaves DIR/vmlinuz and, in DIR/modules, all modules
kernel_unpack() {
	local package=$1 dir=$2
	(cd "$dir" && apt-get -q download "$package") >"$dir/apt.log" 2>&1 || die "cannot download $package: $(tail -n 1 "$dir/apt.log")"
	dpkg -x "$dir"/*.deb "$dir/root"
	mv "$dir"/root/boot/vmlinuz-* "$dir/vmlinuz"
	mv "$dir/root/lib/modules" "$dir/modules"
	rm -rf "$dir/root" "$dir"/*.deb "$dir/apt.log"
}

# kernel_fetch SERIES UPDATE: $cache/kernel/SERIES is there afterwards, a link to the kernel's folder.
# With UPDATE empty a kernel that is already there will do, and neither apt nor the network is asked.
kernel_fetch() {
	local series=$1 update=$2 meta=${kernel_metapackage[$1]} link=$cache/kernel/$1 package dir
	[ -n "$update" ] || [ ! -e "$link/vmlinuz" ] || return 0
	mkdir -p "$cache/kernel"
	exec 9>"$cache/kernel/lock"
	flock 9
	rm -rf "$cache"/kernel/new.*
	package=$(apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
	case $package in
	'') die "apt does not know $meta: run apt-get update; the kernel comes with Debian 12" ;;
	"linux-image-$series".*) ;;
	*) die "$meta leads to $package, not to a $series kernel: this needs the package lists of Debian 12" ;;
	esac
	if [ ! -e "$cache/kernel/$package/vmlinuz" ]; then
		note "downloading $package"
		dir=$(mktemp -d "$cache/kernel/new.XXXXXX")
		chmod 755 "$dir"
		kernel_unpack "$package" "$dir"
		mv -T "$dir" "$cache/kernel/$package"
	fi
	ln -sfn "$package" "$link.new"
	mv -T "$link.new" "$link"
	exec 9>&-
}

# kernel_modules SERIES DIR NAME...: copies modules to DIR/NAME.ko, ready for insmod
kernel_modules() {
	local kernel_dir dir=$2 name file
	kernel_dir=$(realpath "$cache/kernel/$1")
	shift 2
	for name; do
		file=$(find "$kernel_dir/modules" -name "$name.ko*" -print -quit)
		case $file in
		'') die "the kernel has no module $name" ;;
		*.xz) xz -dc "$file" >"$dir/$name.ko" ;;
		*) cp "$file" "$dir/$name.ko" ;;
		esac
	done
}
