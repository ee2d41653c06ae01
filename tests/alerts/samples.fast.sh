#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/examples/*.conf in rsyslog and syslog-ng as they stand, the module that verifies inside syslog-ng, and systemd's journal: in namespaces.
set -u
skip() { echo "ok - samples of receivers # SKIP $1"; exit 0; }
root=$(bash tests/alerts/receivers_fetch.sh --cached 2>&1) || skip "$root"
command -v openssl > /dev/null || skip 'openssl makes the certificates, and is not installed'
unshare --user --map-root-user --mount --net --pid --fork true 2> /dev/null || skip 'this host permits no user namespaces'
# the release build: another program loads it, which knows nothing of sanitizers
env -u MAKEFLAGS -u MAKELEVEL make -s WITH_SYSLOG_NG=1 SYSLOG_NG_ROOT="$root" build/release/syslog-ng/libvedette.so || { echo 'not ok - the module of syslog-ng builds'; exit 1; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
timeout 240 unshare --user --map-root-user --mount --net --pid --fork --kill-child --mount-proc /usr/bin/python3 -B tests/alerts/samples.py "$BUILD" "$root" "$folder"
