#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Each record of a log once, as it stands and where it came first: unique.py < LOG > LOG. Receivers get records again after a connection broke;
# what a receiver that was killed wrote only in part is left out, for the whole record came again. Only the same bytes are the same record: a line
# that merely has another's id, which anybody can write, takes no place.
import hashlib, json, sys

seen = set()
for line in sys.stdin.buffer:
    try: json.loads(line)["event"]["id"]
    except (ValueError, KeyError, TypeError): continue
    name = hashlib.sha256(line.rstrip(b"\n")).digest()
    if name not in seen: sys.stdout.buffer.write(line)
    seen.add(name)
