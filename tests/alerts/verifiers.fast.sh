#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette verify` and docs/verify_log.py over the same tampered logs: both must say the same, and what the table says.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$BUILD/tests/log_samples" "$folder" || { echo "not ok - samples cannot be written"; exit 1; }
/usr/bin/python3 tests/alerts/verifiers.py "$VEDETTE" "$folder"
