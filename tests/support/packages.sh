#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# For scripts that get programs from Debian's packages into the cache, unpacked: nothing is installed, no service is started. Needs apt, not root.

# fetch_packages WHAT ROOT PROGRAM cached|fetch PACKAGE...: 0 when ROOT/PROGRAM is there, with `fetch` after getting it; WHAT is for messages.
fetch_packages() {
	local what=$1 root=$2 program=$3 how=$4 cache
	shift 4
	[ ! -x "$root/$program" ] || return 0
	cache=$(dirname "$root")
	[ "$how" = fetch ] || { echo "$what not in $cache: make deps fetches them" >&2; return 1; }
	mkdir -p "$cache"
	exec 9> "$cache/lock"
	flock 9
	[ ! -x "$root/$program" ] || return 0
	new=$(mktemp -d "$cache/new.XXXXXX") # not local: the trap asks for it
	trap 'rm -rf "$new"' EXIT
	chmod 755 "$new"
	(cd "$new" && apt-get -q download "$@") > "$new/apt.log" 2>&1 || {
		echo "$what not to be downloaded: $(grep -m 1 '^E:' "$new/apt.log")" >&2
		return 1
	}
	mkdir "$new/root"
	local deb
	for deb in "$new"/*.deb; do dpkg -x "$deb" "$new/root" || return 1; done
	mv -T "$new/root" "$root"
}
