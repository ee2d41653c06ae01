#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Verifies a whole Vedette log: verify_log.py [--complete] [--from-middle] KEYS FILE. Needs python3-nacl. Takes and refuses what
# `vedette verify` takes and refuses (docs/verify.md has the rules). Exit status: 0 verified, 1 not.
import json, re, sys
from base64 import b64decode, b64encode
from hashlib import sha256
from nacl.signing import VerifyKey

LINE_MAX, BATCH_MAX, PATH_MAX, INT_MAX = 1 << 20, 65536, 16, 1 << 53

def need(holds, what):
    if not holds: raise ValueError(what)

def no_twins(pairs):
    need(len(dict(pairs)) == len(pairs), "a key stands twice in one object")
    return dict(pairs)

def refuse(constant): raise ValueError(constant + " is no JSON")
def loads(text): return json.loads(text, object_pairs_hook=no_twins, parse_constant=refuse)

def raw64(text, size):  # base64 in its only form
    raw = b64decode(text)
    need(len(raw) == size and b64encode(raw).decode() == text, "base64")
    return raw

def take_apart(line):
    need(len(line) <= LINE_MAX, "line too long")
    loads(line.decode())
    mark = line.rindex(b',"vedette_sig":')
    body, raw = line[:mark] + b"}", line[mark + 15:-1]
    s, event = loads(raw.decode()), loads(body.decode())["event"]
    need(set(s) == {"batch", "epoch", "path", "prev", "sig", "stream", "time", "v"} and line.endswith(b"}"), "not a record")
    need(json.dumps(s, sort_keys=True, separators=(",", ":")).encode() == raw, "signature member not in its only form")
    need(all(type(n) is int and 0 <= n <= INT_MAX for n in (s["v"], s["epoch"], event["sequence"])) and s["v"] == 1, "not a record")
    need(re.fullmatch(r"(0|[1-9]\d{0,15}) [1-9]\d{0,4}", s["batch"], re.ASCII) and type(event["dataset"]) is str, "not a record")
    need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", s["time"], re.ASCII) and 0 < len(s["stream"]) <= 64, "not a record")
    need(type(s["path"]) is list and len(s["path"]) <= PATH_MAX, "path")
    first, count = map(int, s["batch"].split(" "))
    need(first <= INT_MAX and count <= BATCH_MAX, "batch")
    return body, s, event["sequence"], event["dataset"], first, count

def root_of(body, index, last, path):
    h = sha256(b"\0" + body).digest()
    while last:
        if index & 1: h = sha256(b"\1" + path.pop(0) + h).digest()
        elif index < last: h = sha256(b"\1" + h + path.pop(0)).digest()
        index, last = index >> 1, last >> 1
    need(not path, "path too long")
    return h

class Log:
    def __init__(self, keys, from_middle=False):
        self.keys, self.from_middle, self.records, self.closed, self.missing = keys, from_middle, 0, False, 0

    def line(self, line):
        body, s, sequence, dataset, first, count = take_apart(line)
        need(not self.records or s["stream"] == self.stream, "spliced: of another stream")
        need(first <= sequence < first + count, "edited: sequence not in its batch")
        need((s["stream"], s["epoch"]) in self.keys, "wrong key: none for this stream and epoch")
        root = root_of(body, sequence - first, count - 1, [raw64(x, 32) for x in s["path"]])
        prev, sig = raw64(s["prev"], 32), raw64(s["sig"], 64)
        statement = "vedette-batch/v1\n%s\n%d\n%s\n%s\n%s\n%s\n" % (
            s["stream"], s["epoch"], s["batch"], s["prev"], s["time"], b64encode(root).decode())
        VerifyKey(self.keys[s["stream"], s["epoch"]]).verify(statement.encode(), sig)
        digest = sha256(statement.encode()).digest()
        need(not self.closed, "record after the close")
        if not self.records:
            need(self.from_middle or (sequence == 0 and dataset == "vedette.open"), "does not begin with its open record")
            need(first or prev == bytes(32), "chain broken")
        else:
            need(sequence == self.next, "deleted, replayed or reordered: %d stands where %d should" % (sequence, self.next))
            if self.missing:
                need((digest, sig) == (self.digest, self.sig), "chain broken: in another batch")
            else:
                need(first == sequence and prev == self.digest, "chain broken")
                need(s["epoch"] == self.epoch and s["time"] >= self.time, "chain broken")
        need(dataset != "vedette.open" or sequence == 0, "open record within the stream")
        self.stream, self.epoch, self.time, self.digest, self.sig = s["stream"], s["epoch"], s["time"], digest, sig
        self.next, self.missing = sequence + 1, first + count - sequence - 1
        self.records, self.closed = self.records + 1, dataset == "vedette.close"

def verify(file, keys, complete=False, from_middle=False):
    """Returns (records, is whole); raises what is wrong with the first bad line."""
    log, torn = Log(keys, from_middle), False
    for number, line in enumerate(iter(lambda: file.readline(LINE_MAX + 2), b""), 1):
        if torn := not line.endswith(b"\n") and len(line) <= LINE_MAX:
            break
        try: log.line(line[:-1] if line.endswith(b"\n") else line)
        except Exception as e: raise ValueError("line %d: %s" % (number, e or type(e).__name__)) from e
    if not log.records: raise ValueError("no whole record")
    whole = log.closed and not log.missing and not torn
    if complete and not whole: raise ValueError("open-ended after %d" % log.records)
    return log.records, whole

def read_keys(path):
    lines = [l.rstrip("\n").split(" ") for l in open(path) if l.strip("\n") and not l.startswith("#")]
    need(lines and all(len(w) == 4 and w[0] == "vedette-key/v1" for w in lines), "no public keys")
    return {(w[1], int(w[2])): raw64(w[3], 32) for w in lines}

if __name__ == "__main__":
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    try: records, whole = verify(open(names[1], "rb"), read_keys(names[0]), "--complete" in sys.argv, "--from-middle" in sys.argv)
    except Exception as e: sys.exit("%s: %s" % (names[1] if len(names) > 1 else "usage", e))
    print("verified %d records%s" % (records, "" if whole else "\nopen-ended after %d" % records))
