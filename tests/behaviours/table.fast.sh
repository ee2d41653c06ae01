#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/attacks.md is what its tables make of it.
cd "$(dirname "$0")/../.." || exit 1
if diff <(python3 tests/behaviours/table.py) docs/attacks.md > "$BUILD/attacks.diff"; then
	echo "ok - docs/attacks.md is in step with the tables of the tests"
else
	sed 's/^/# /' "$BUILD/attacks.diff"
	echo "not ok - docs/attacks.md: make it anew with tests/behaviours/table.py > docs/attacks.md"
fi
