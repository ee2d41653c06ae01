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

def need(holds, what): return holds or sys.exit(what)

unique = lambda pairs: need(len(dict(pairs)) == len(pairs), "not a record: a key stands twice in one object") and dict(pairs)

# Returns how many records verified and whether the log is whole, or exits with what is wrong with the first bad line.
def verify(file, keys, from_middle=False, line_max=1 << 20, name=b"", unclosed=False, records=0, rolled=None):
    start = expected, end, link, past, closed = 0, 0, base64.b64encode(bytes(32)), (None, None, b""), False  # of a stream
    try:
        while (line := file.readline(line_max + 1)).endswith(b"\n") or len(line) > line_max:
            body, batch, epoch, path, prev, sig, stream, time = need(re.fullmatch(LINE, line), "not a record").groups()
            # int("NaN") raises, and so does half a surrogate pair that is to be written
            json.dumps(json.loads(line.decode(), object_pairs_hook=unique, parse_int=str, parse_constant=int), ensure_ascii=False).encode()
            # The body once more, as it is written: escapes stand for nothing; only integers become bytes.
            r = json.loads(re.sub(rb"\\.", b"?", body) + b"}", parse_int=str.encode, parse_float=str)
            sequence, dataset, first, count, number = int(r["event"]["sequence"]), r["event"]["dataset"], *map(int, batch.split()), int(epoch)
            if records and stream != name:  # the agent's next stream, which names the end of the one before
                end_here = [closed, b"%d" % expected, link.decode(), name.decode()]
                p = [need((stream.split(b"/")[0], sequence) == (agent, 0), "spliced, or what stands before it is missing") and r["vedette"]["previous"][k] for k in ("closed", "next", "statement", "stream")]
                unclosed, (expected, end, link, past, closed), rolled = need(p in (end_here, rolled), "chain broken") and unclosed or not closed or p != end_here, start, None
            agent, siblings, root = stream.split(b"/")[0], [base64.b64decode(x) for x in path.split(b'"')[1::2]], hashlib.sha256(b"\0" + body + b"}").digest()
            for level in range((count - 1).bit_length()):
                if sequence - first >> level & 1: root = hashlib.sha256(b"\1" + siblings.pop(0) + root).digest()
                elif sequence - first >> level < count - 1 >> level: root = hashlib.sha256(b"\1" + root + siblings.pop(0)).digest()
            need(r["event"]["sequence"] == b"%d" % sequence and type(dataset) is str and (sequence == 0) == (dataset == "vedette.open") and not siblings
                 and first <= sequence < first + count and sequence <= 1 << 53 and count <= 65536, "edited: its sequence, dataset or place")
            statement = b"vedette-batch/v1\n%s\n%s\n%s\n%s\n%s\n%s\n" % (stream, epoch, batch, prev, time, base64.b64encode(root))
            need(keys.get((agent, number)), "no key that signs here: another log, or what stands before it is missing").verify(statement, base64.b64decode(sig))
            if not records: unclosed = not from_middle and type(r.get("vedette")) is dict and "previous" in r["vedette"]  # a past that is not here
            if from_middle and not records: expected, end, link = sequence, first, prev if first else link
            need(sequence == expected and not closed, "deleted, replayed or moved: record %s stands where %s should" % (sequence, expected))
            need(past[:2] == (statement, sig) if sequence < end else (first, prev) == (end, link) and time >= past[2], "chain broken")
            keys, end, link = {(agent, number): keys[agent, number]}, first + count, base64.b64encode(hashlib.sha256(statement).digest())
            if dataset == "vedette.key-roll":  # the last record under a key names the next one
                next_key = (r["vedette"]["next_epoch"], sequence + 1) == (b"%d" % (number + 1), end) and re.fullmatch(HASH, r["vedette"]["next_key"].encode())
                # and is the last place of its log that an agent knows of which loses that log
                keys, rolled = {(agent, number + 1): VerifyKey(base64.b64decode(need(next_key, "not a record: no key")[0]))}, [False, b"%d" % end, link.decode(), stream.decode()]
            past, name, records, expected, closed = (statement, sig, time), stream, records + 1, sequence + 1, dataset == "vedette.close"
        return need(records, "not a record: the log is empty or torn"), closed and not unclosed and expected == end and not line
    except (Exception, SystemExit) as what: sys.exit("line %d: %s" % (records + 1, what))

if __name__ == "__main__":
    *options, key_file, log_file = sys.argv[1:]
    need(set(options) <= {"--complete", "--from-middle"}, "usage: verify_log.py [--complete] [--from-middle] KEYS FILE")
    lines = re.findall(rb"(?m)^vedette-key/v1 (?=[^ \n]{1,64} )([^ \n/]*)[^ \n]* (%s) (%s)\r?$" % (INT, HASH), open(key_file, "rb").read())
    known = {(agent, int(epoch)): VerifyKey(base64.b64decode(key)) for agent, epoch, key in reversed(lines)}
    found, whole = verify(open(log_file, "rb"), known, "--from-middle" in options)
    sys.exit(print("verified %d records%s" % (found, "" if whole else "\nopen-ended after %d" % found)) or "--complete" in options and not whole)
