#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Verifies one line of a Vedette log alone and prints its event.id: verify_line.py KEYS < LINE. Needs python3-nacl. That nothing is
# missing, moved or doubled, only a whole log shows: verify_log.py. Exit status: 0 verified, 1 not.
import json, re, sys
from base64 import b64decode, b64encode
from hashlib import sha256
from nacl.signing import VerifyKey

LINE = (rb'(.*),"vedette_sig":\{"batch":"([^"]*)","epoch":(\d+),"path":\[((?:"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=",?)*)\],'
        rb'"prev":"([^"]*)","sig":"([A-Za-z0-9+/]{85}[AQgw]==)","stream":"([^"]*)","time":"([^"]*)","v":1\}\}\n?')
line = sys.stdin.buffer.read(2 << 20)
body, batch, epoch, path, prev, sig, stream, time = (re.fullmatch(LINE, line) or sys.exit("not one record")).groups()
event, first, count = json.loads(line)["event"], *map(int, batch.split())
siblings, root = [b64decode(x) for x in path.split(b'"')[1::2]], sha256(b"\0" + body + b"}").digest()
for level in range((count - 1).bit_length()):  # from the leaf to the root
    index, last = event["sequence"] - first >> level, count - 1 >> level
    if index & 1: root = sha256(b"\1" + siblings.pop(0) + root).digest()
    elif index < last: root = sha256(b"\1" + root + siblings.pop(0)).digest()
if siblings or not first <= event["sequence"] < first + count: sys.exit("edited: it is not at its place in the batch")
statement = b"vedette-batch/v1\n%s\n%s\n%s\n%s\n%s\n%s\n" % (stream, epoch, batch, prev, time, b64encode(root))
words = [line.split() for line in open(sys.argv[1], "rb") if line.startswith(b"vedette-key/v1 ")]
keys = [key for _, name, number, key in words if (name.split(b"/")[0], number) == (stream.split(b"/")[0], epoch)] or sys.exit("no key for its stream and epoch")
VerifyKey(b64decode(keys[0])).verify(statement, b64decode(sig))
print(event["id"])
