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
. "$(dirname "$0")/../support/packages.sh"
fetch_packages "rsyslog and syslog-ng are" "$root" usr/sbin/rsyslogd "$([ "${1:-}" = --cached ] && echo cached || echo fetch)" "${packages[@]}" || exit 1
echo "$root"
