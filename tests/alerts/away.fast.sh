#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A webhook's receiver is away for three seconds at 2,000 alerts a second. Ten minutes of it are in tests/soak.
set -u
exec /usr/bin/python3 tests/alerts/away.py "$BUILD/tests/probe_carry" 3
