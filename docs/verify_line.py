#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Verifies one line of a Vedette log alone: verify_line.py KEYS < LINE. Needs python3-nacl. verify_log.py checks a whole log.
import json, re, sys
from base64 import b64decode, b64encode
from hashlib import sha256
from nacl.signing import VerifyKey

if not __debug__: sys.exit("the checks are asserts: run without -O")

def verify(line, keys):
    mark = line.rindex(b',"vedette_sig":')
    body, raw = line[:mark] + b"}", line[mark + 15:-1]
    s, record = json.loads(raw), json.loads(body)
    assert line.endswith(b"}") and json.dumps(s, sort_keys=True, separators=(",", ":")).encode() == raw  # its only form
    assert type(s["v"]) is int and s["v"] == 1 and re.fullmatch(r"(0|[1-9]\d{0,15}) [1-9]\d{0,4}", s["batch"], re.ASCII)
    first, count = map(int, s["batch"].split(" "))
    index, last, path = record["event"]["sequence"] - first, count - 1, [b64decode(x) for x in s["path"]]
    assert 0 <= index <= last and len(path) <= 16
    h = sha256(b"\0" + body).digest()
    while last:
        if index & 1: h = sha256(b"\1" + path.pop(0) + h).digest()
        elif index < last: h = sha256(b"\1" + h + path.pop(0)).digest()
        index, last = index >> 1, last >> 1
    assert not path
    statement = "vedette-batch/v1\n%s\n%d\n%s\n%s\n%s\n%s\n" % (
        s["stream"], s["epoch"], s["batch"], s["prev"], s["time"], b64encode(h).decode())
    VerifyKey(keys[s["stream"], s["epoch"]]).verify(statement.encode(), b64decode(s["sig"]))
    return record

if __name__ == "__main__":
    words = [l.split() for l in open(sys.argv[1]) if l.startswith("vedette-key/v1 ")]
    print(verify(sys.stdin.buffer.readline().rstrip(b"\n"), {(w[1], int(w[2])): b64decode(w[3]) for w in words})["event"]["id"])
