#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# schemas/rules.schema.json and the parser of rule files know the same: keys, what fits, what does not.
set -u
cd "$(dirname "$0")/../.." || exit 1
/usr/bin/python3 tests/schemas/rules.py "$VEDETTE" "$BUILD"
