#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `vedette audit report` over logs whose every record is known: numbers, schema, hostile texts, tampering, exit status.
set -u
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
/usr/bin/python3 -B tests/alerts/audit.py "$folder"
