#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tables of docs/evasions.md and docs/operations-closure.md are those of the tests; rules and tests that rows name are there.
cd "$(dirname "$0")/../.." || exit 1
exec python3 tests/evasions/table.py --check
