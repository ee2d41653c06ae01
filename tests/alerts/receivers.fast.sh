#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The syslog sink against rsyslog and syslog-ng as Debian ships them, on loopback, with configurations of their own.
set -u
root=$(bash tests/alerts/receivers_fetch.sh --cached 2>&1) || { echo "ok - real syslog receivers # SKIP $root"; exit 0; }
command -v openssl > /dev/null || { echo "ok - real syslog receivers # SKIP openssl makes the certificates, and is not installed"; exit 0; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
timeout 240 /usr/bin/python3 tests/alerts/receivers.py "$BUILD" "$root" "$folder"
