#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Verifies a whole Vedette log: verify_log.py [--complete] [--from-middle] KEYS FILE. Needs python3-nacl. Takes and refuses what
# `vedette verify` takes and refuses (docs/verify.md has the rules). Exit status: 0 verified, 1 not.
import base64, hashlib, json, re, sys
from nacl.signing import VerifyKey

# A line to the byte, but for its body. The last digit of base64 may leave no stray bits, so there is one form only.
INT, HASH, SIG = rb"(?:0|[1-9]\d{0,15})", rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", rb"[A-Za-z0-9+/]{85}[AQgw]=="
LINE = (rb'(.*),"vedette_sig":\{"batch":"(%s %s)","epoch":(%s),"path":\[((?:"%s",?)*)\],"prev":"(%s)","sig":"(%s)","stream":'
        rb'"([^"\\ ]{1,64})","time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)","v":1\}\}\n') % (INT, INT, INT, HASH, HASH, SIG)

def need(holds, what):
    if not holds: raise ValueError(what)
    return holds

def unique(pairs):
    return need(len(dict(pairs)) == len(pairs), "not a record: a key stands twice in one object") and dict(pairs)

# Returns how many records verified and whether the log is whole, or exits with what is wrong with the first bad line.
def verify(file, keys, from_middle=False, line_max=1 << 20):
    records, expected, end, link, past = 0, 0, 0, base64.b64encode(bytes(32)), (None, None, b"")
    try:
        while (line := file.readline(line_max + 1)).endswith(b"\n") or len(line) > line_max:
            body, batch, epoch, path, prev, sig, stream, time = need(re.fullmatch(LINE, line), "not a record").groups()
            record = json.loads(line.decode(), object_pairs_hook=unique, parse_int=str, parse_constant=int)  # int("NaN") raises
            json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair raises
            # The event once more, as it is written: escapes stand for nothing; only integers become bytes.
            event = json.loads(re.sub(rb"\\.", b"?", body) + b"}", parse_int=str.encode)["event"]
            sequence, first, count, dataset = int(event["sequence"]), *map(int, batch.split()), event["dataset"]
            need(event["sequence"] == b"%d" % sequence and type(dataset) is str, "not a record: its sequence or dataset")
            key = need(keys.get((stream, epoch)), "spliced from another stream, or no key for the stream")
            siblings, root = [base64.b64decode(x) for x in path.split(b'"')[1::2]], hashlib.sha256(b"\0" + body + b"}").digest()
            for level in range((count - 1).bit_length()):
                index, last = sequence - first >> level, count - 1 >> level
                if index & 1: root = hashlib.sha256(b"\1" + siblings.pop(0) + root).digest()
                elif index < last: root = hashlib.sha256(b"\1" + root + siblings.pop(0)).digest()
            need(first <= sequence < first + count and sequence <= 1 << 53 and count <= 65536 and not siblings, "edited: its place")
            statement = b"vedette-batch/v1\n%s\n%s\n%s\n%s\n%s\n%s\n" % (stream, epoch, batch, prev, time, base64.b64encode(root))
            key.verify(statement, base64.b64decode(sig))
            if from_middle and not records: expected, end, link = sequence, first, prev if first else link
            need(sequence == expected, "deleted, replayed or moved: record %s stands where %s should" % (sequence, expected))
            need((sequence == 0) == (dataset == "vedette.open"), "not a record: number 0 is vedette.open, and no other")
            need(past[:2] == (statement, sig) if sequence < end else (first, prev) == (end, link) and time >= past[2], "chain broken")
            keys, end, link = {(stream, epoch): key}, first + count, base64.b64encode(hashlib.sha256(statement).digest())
            past, records, expected = (statement, sig, time), records + 1, "nothing" if dataset == "vedette.close" else sequence + 1
        return need(records, "not a record: the log is empty or torn"), expected == "nothing" and sequence + 1 == end and not line
    except Exception as what: sys.exit("line %d: %s" % (records + 1, what))

if __name__ == "__main__":
    *options, key_file, log_file = sys.argv[1:]
    need(set(options) <= {"--complete", "--from-middle"}, "usage: verify_log.py [--complete] [--from-middle] KEYS FILE")
    lines = re.findall(rb"(?m)^vedette-key/v1 ([^ \n]{1,64}) (%s) (%s)\r?$" % (INT, HASH), open(key_file, "rb").read())
    keys = {(stream, epoch): VerifyKey(base64.b64decode(key)) for stream, epoch, key in reversed(lines)}
    records, whole = verify(open(log_file, "rb"), keys, "--from-middle" in options)
    print("verified %d records%s" % (records, "" if whole else "\nopen-ended after %d" % records))
    sys.exit("--complete" in options and not whole)
