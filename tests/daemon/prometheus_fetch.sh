#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Gets Prometheus and promtool from Debian's package into the cache, unpacked: it is not installed, for its package would start a service on this host.
# Needs apt, not root. Prints the folder of the programs; ends with 1 when it cannot have them.
#   prometheus_fetch.sh [--cached]    only says where they are, downloads nothing
set -u
cache=${VEDETTE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vedette}
root=$cache/prometheus
if [ -x "$root/usr/bin/promtool" ]; then echo "$root/usr/bin"; exit 0; fi
[ "${1:-}" != --cached ] || { echo "Prometheus is not in $cache: make deps fetches it" >&2; exit 1; }
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ ! -x "$root/usr/bin/promtool" ]; then
	new=$(mktemp -d "$cache/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	chmod 755 "$new"
	(cd "$new" && apt-get -q download prometheus) > "$new/apt.log" 2>&1 || {
		echo "prometheus: cannot be downloaded: $(grep -m 1 '^E:' "$new/apt.log")" >&2
		exit 1
	}
	mkdir "$new/root"
	dpkg -x "$new"/*.deb "$new/root" || exit 1
	mv -T "$new/root" "$root"
fi
echo "$root/usr/bin"
