#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Records fit their JSON Schema, and the schema refuses what no record is.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$BUILD/tests/log_samples" "$folder" || { echo "not ok - samples cannot be written"; exit 1; }
/usr/bin/python3 tests/schemas/schema.py "$folder"
