#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sink of type nats against one real server. Three of them are in tests/soak.
set -u
exec /usr/bin/python3 tests/alerts/nats.py "$BUILD/tests/probe_carry" one
