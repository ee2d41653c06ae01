#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Gets the syslog receivers that tests start, rsyslog and syslog-ng, from Debian's packages into the cache, unpacked: nothing is installed (they shut
# one another out there), no service is started or enabled. Needs apt, not root. Prints the folder; ends with 1 when it cannot have them.
#   receivers_fetch.sh [--cached]    only says where they are, downloads nothing
set -u
cache=${VEDETTE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vedette}/receivers
# with the headers that the syslog-ng module is built against, and the libraries that are not on every Debian
packages=(
	rsyslog rsyslog-openssl libestr0 libfastjson4
	syslog-ng-core syslog-ng-dev libivykis0 libivykis-dev libnet1 libwrap0 libpcre3 libjson-c5 libglib2.0-0 libglib2.0-dev
)
name=$(printf '%s\n' "${packages[@]}" | sha256sum | head -c 16)
root=$cache/$name
if [ -x "$root/usr/sbin/rsyslogd" ]; then echo "$root"; exit 0; fi
[ "${1:-}" != --cached ] || { echo "rsyslog and syslog-ng are not in $cache: make deps fetches them" >&2; exit 1; }
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ ! -x "$root/usr/sbin/rsyslogd" ]; then
	new=$(mktemp -d "$cache/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	chmod 755 "$new"
	(cd "$new" && apt-get -q download "${packages[@]}") > "$new/apt.log" 2>&1 || {
		echo "receivers: cannot download ${packages[*]}: $(grep -m 1 '^E:' "$new/apt.log")" >&2
		exit 1
	}
	mkdir "$new/root"
	for deb in "$new"/*.deb; do dpkg -x "$deb" "$new/root" || exit 1; done
	mv -T "$new/root" "$root"
fi
echo "$root"
