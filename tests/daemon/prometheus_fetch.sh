#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Gets Prometheus and promtool from Debian's package into the cache, unpacked: it is not installed, for its package would start a service on this host.
# Needs apt, not root. Prints the folder of the programs; ends with 1 when it cannot have them.
#   prometheus_fetch.sh [--cached]    only says where they are, downloads nothing
set -u
root=${VEDETTE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vedette}/prometheus
. "$(dirname "$0")/../support/packages.sh"
fetch_packages "Prometheus and promtool are" "$root" usr/bin/promtool "$([ "${1:-}" = --cached ] && echo cached || echo fetch)" prometheus || exit 1
echo "$root/usr/bin"
