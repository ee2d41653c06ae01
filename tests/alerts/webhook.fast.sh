#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sinks of type webhook and otlp, against receivers of all kinds.
set -u
exec /usr/bin/python3 tests/alerts/webhook.py "$BUILD/tests/probe_carry"
