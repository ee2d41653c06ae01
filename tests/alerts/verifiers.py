#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tampers with sample logs and asks both verifiers. TAP on stdout."""
import io
import json
import os
import subprocess
import sys

sys.path.insert(0, "docs")
sys.dont_write_bytecode = True
import verify_line  # noqa: E402
import verify_log  # noqa: E402

vedette, folder = sys.argv[1], sys.argv[2]


def load(name):
    with open(os.path.join(folder, name), "rb") as f:
        return f.read()


def tap(holds, what):
    print(("ok - " if holds else "not ok - ") + what)


def lines(name):
    return load(name + ".sample").split(b"\n")[:-1]


def join(some):
    return b"".join(line + b"\n" for line in some)


def edit(line, old, new):
    assert old in line, (old, line)
    return line.replace(old, new, 1)


def flip(line, at):
    """Another base64 or decimal digit at a place of the line."""
    old = line[at:at + 1]
    return line[:at] + (b"A" if old != b"A" else b"B") + line[at + 1:]


a, other, content = lines("a"), lines("other-stream"), lines("other-content")
WHOLE, OPEN, BAD = "whole", "open-ended", "bad"
inner = 2  # a record within a batch of three: it has a path


def with_line(at, new):
    return join(a[:at] + [new] + a[at + 1:])


sig_at = a[inner].index(b'"sig":"') + 7
path_at = a[inner].index(b'"path":["') + 9
prev_at = a[inner].index(b'"prev":"') + 8
body_end = a[inner].index(b',"vedette_sig":')

# what, log, expectation
cases = [
    ("an untouched log", join(a), WHOLE),
    ("many batch sizes", load("many.sample"), WHOLE),
    ("a log without its close", load("open-ended.sample"), OPEN),
    ("edited byte in a body", with_line(inner, edit(a[inner], b'"test"', b'"tess"')), BAD),
    ("edited number in a body", with_line(inner, edit(a[inner], b'"alerts":0', b'"alerts":1')), BAD),
    ("edited byte in a signature", with_line(inner, flip(a[inner], sig_at + 10)), BAD),
    ("stray bits in a signature's base64", with_line(inner, a[inner][:sig_at + 85] + bytes([a[inner][sig_at + 85] + 1]) + a[inner][sig_at + 86:]), BAD),
    ("edited byte in a path", with_line(inner, flip(a[inner], path_at + 3)), BAD),
    ("path shortened", with_line(inner, a[inner][:path_at - 1] + a[inner][a[inner].index(b"]", path_at):]), BAD),
    ("path with one hash more", with_line(inner, edit(a[inner], b'"path":[', b'"path":["' + b"A" * 43 + b'=",')), BAD),
    ("edited prev", with_line(inner, flip(a[inner], prev_at)), BAD),
    ("edited time", with_line(inner, edit(a[inner], b'"time":"2026', b'"time":"2027')), BAD),
    ("edited batch", with_line(inner, edit(a[inner], b'"batch":"1 3"', b'"batch":"1 4"')), BAD),
    ("batch with a leading zero", with_line(inner, edit(a[inner], b'"batch":"1 3"', b'"batch":"01 3"')), BAD),
    ("edited epoch", with_line(inner, edit(a[inner], b'"epoch":0', b'"epoch":1')), BAD),
    ("epoch as float", with_line(inner, edit(a[inner], b'"epoch":0', b'"epoch":0.0')), BAD),
    ("epoch as string", with_line(inner, edit(a[inner], b'"epoch":0', b'"epoch":"0"')), BAD),
    ("another version", with_line(inner, edit(a[inner], b'"v":1', b'"v":2')), BAD),
    ("signature member twice", with_line(inner, a[inner][:-1] + a[inner][body_end:]), BAD),
    ("member behind the signature", with_line(inner, a[inner][:-1] + b',"x":1}'), BAD),
    ("member added in the signature", with_line(inner, a[inner][:-2] + b',"w":1}}'), BAD),
    ("signature removed", with_line(inner, a[inner][:body_end] + b"}"), BAD),
    ("blank added in the signature", with_line(inner, edit(a[inner], b'"v":1', b'"v": 1')), BAD),
    ("blank added in a body", with_line(inner, edit(a[inner], b'{"@timestamp"', b'{ "@timestamp"')), BAD),
    ("blank before a line", with_line(inner, b" " + a[inner]), BAD),
    ("blank behind a line", with_line(inner, a[inner] + b" "), BAD),
    ("escape in place of a letter, in the signature", with_line(inner, edit(a[inner], b'"epoch"', b'"\\u0065poch"')), BAD),
    ("sequence made a string", with_line(inner, edit(a[inner], b'"sequence":2', b'"sequence":"2"')), BAD),
    ("doubled key", with_line(inner, edit(a[inner], b'{"@timestamp"', b'{"@timestamp":"x","@timestamp"')), BAD),
    ("deleted record", join(a[:2] + a[3:]), BAD),
    ("deleted batch", join(a[:4] + a[6:]), BAD),
    ("deleted begin", join(a[1:]), BAD),
    ("reordered records", join([a[0], a[2], a[1]] + a[3:]), BAD),
    ("reordered batches", join([a[0]] + a[4:6] + a[1:4] + a[6:]), BAD),
    ("replayed line", join(a[:3] + [a[2]] + a[3:]), BAD),
    ("replayed batch", join(a[:4] + a[1:4] + a[4:]), BAD),
    ("log appended to itself", join(a + a), BAD),
    ("line spliced from another stream", join(a[:2] + [other[2]] + a[3:]), BAD),
    ("batch spliced from another stream", join(a[:4] + other[4:]), BAD),
    ("another stream appended", join(a + other), BAD),
    ("line signed twice with other content", join(a[:2] + [content[2]] + a[3:]), BAD),
    ("batch signed twice with other content", join(a[:4] + content[4:]), BAD),
    ("record after the close", join(a + [a[-2]]), BAD),
    ("truncated at a batch", join(a[:4]), OPEN),
    ("truncated within a batch", join(a[:3]), OPEN),
    ("torn last line", join(a)[:-100], OPEN),
    ("last line end missing", join(a)[:-1], OPEN),
    ("torn first line", a[0][:50], BAD),
    ("CRLF", b"".join(line + b"\r\n" for line in a), BAD),
    ("empty line", join(a[:2] + [b""] + a[2:]), BAD),
    ("empty line at the end", join(a) + b"\n", BAD),
    ("empty file", b"", BAD),
    ("NUL bytes at the end", join(a) + b"\0" * 10 + b"\n", BAD),
    ("byte order mark", b"\xef\xbb\xbf" + join(a), BAD),
    ("UTF-16", join(a).decode().encode("utf-16"), BAD),
    ("a line that never ends", b'{"a":"' + b"x" * (3 << 20), BAD),
    ("a line of more than 1 MiB", join([b'{"a":"' + b"x" * (1 << 20) + b'"}']), BAD),
    ("no log at all", b"hello\nworld\n", BAD),
]
cases += [(name[:-4], load(name), WHOLE if name.startswith("good") else BAD) for name in sorted(os.listdir(folder)) if name.endswith(".log")]


def ours(log, key, *options):
    """Exit status and output of the program."""
    run = subprocess.run([vedette, "verify", "--key", os.path.join(folder, key), *options, "-"], input=log, capture_output=True, check=False)
    return run.returncode, run.stdout.decode("utf-8", "replace")


def says(log, key):
    """What the program says: whole, open-ended or bad, and 'differs' when its three ways to say it disagree."""
    plain, text = ours(log, key)
    complete, _ = ours(log, key, "--complete")
    status, out = ours(log, key, "--json")
    result = {"verified": WHOLE, "open-ended": OPEN, "bad": BAD}[json.loads(out)["result"]]
    expected = {WHOLE: (0, 0, True), OPEN: (0, 1, True), BAD: (1, 1, False)}[result]
    agree = (plain, complete, text.startswith("verified ")) == expected and status == plain and ("open-ended after" in text) == (result == OPEN)
    return (result if agree else "differs"), text


def python_says(log, keys):
    try:
        return WHOLE if verify_log.verify(io.BytesIO(log), keys)[1] else OPEN
    except Exception:  # whatever is wrong, it is refused
        return BAD


keys = {name: verify_log.read_keys(os.path.join(folder, name + ".key")) for name in ("a", "other-key", "other-stream")}
for what, log, expected in cases:
    result, text = says(log, "a.key")
    twin = python_says(log, keys["a"])
    tap(result == expected and twin == expected, "%s: %s" % (what, expected))
    if result != expected or twin != expected:
        print("# vedette says %s, verify_log.py says %s\n# %s" % (result, twin, text.strip().replace("\n", "\n# ")))

for name in ("other-key", "other-stream"):
    tap(says(join(a), name + ".key")[0] == BAD and python_says(join(a), keys[name]) == BAD, "key of %s: bad" % name)

for start in range(len(a)):
    log = join(a[start:])
    status, _ = ours(log, "a.key", "--from-middle", "--complete")
    records, whole = verify_log.verify(io.BytesIO(log), keys["a"], from_middle=True)
    tap(status == 0 and whole and records == len(a) - start, "from the middle, record %d" % start)

# the first bad line is named, with its fault
for what, log, expected in [
    ("deleted", join(a[:2] + a[3:]), b":3: deleted: record 2 is missing"), ("edited", with_line(4, edit(a[4], b'"test"', b'"tess"')), b":5: edited"),
    ("replayed", join(a[:3] + [a[2]] + a[3:]), b":4: replayed: record 2"), ("spliced", join(a[:2] + [other[2]]), b":3: spliced"),
    ("not a record", join(a[:1] + [b"x"]), b":2: not a record"), ("after the close", join(a + [a[6]]), b":8: after the close"),
    ("chain broken", join(a[:4] + content[4:]), b":5: chain broken"),
]:
    _, text = ours(log, "a.key")
    tap(expected.decode() in text, "told in words: " + what)
    if expected.decode() not in text:
        print("#", text)

# the scripts as an auditor runs them
with open(os.path.join(folder, "cut.sample"), "wb") as f:
    f.write(join(a[:4]))
for arguments, status, expected in [(["a.key", "a.sample"], 0, "verified 7 records\n"), (["a.key", "cut.sample"], 0, "open-ended after 4"),
                                    (["--complete", "a.key", "cut.sample"], 1, ""), (["other-key.key", "a.sample"], 1, "")]:
    full = [x if x.startswith("--") else os.path.join(folder, x) for x in arguments]
    run = subprocess.run([sys.executable, "-B", "docs/verify_log.py", *full], capture_output=True, check=False)
    tap(run.returncode == status and expected in run.stdout.decode(), "verify_log.py " + " ".join(arguments))
run = subprocess.run([sys.executable, "-B", "docs/verify_line.py", os.path.join(folder, "a.key")], input=a[2] + b"\n", capture_output=True, check=False)
tap(run.returncode == 0 and run.stdout == b"00000000-0000-4000-8000-000000000000/0:2\n", "verify_line.py takes a line")


def takes_line(line):
    try:
        verify_line.verify(line, keys["a"])
        return True
    except Exception:
        return False


tap(all(takes_line(line) for line in lines("many")), "verify_line.py takes every line of every batch size")
taken = [i for i in range(len(a[inner])) for bit in (1, 32) if takes_line(a[inner][:i] + bytes([a[inner][i] ^ bit]) + a[inner][i + 1:])]
tap(not taken, "verify_line.py refuses every changed byte of a line")

# every byte of a small log: changed, taken out, doubled
small, unnoticed = load("small.sample"), []
small_keys = verify_log.read_keys(os.path.join(folder, "small.key"))
for i in range(len(small)):
    for new in (bytes([small[i] ^ 1]), bytes([small[i] ^ 0x80]), b"", small[i:i + 1] + b" "):
        if python_says(small[:i] + new + small[i + 1:], small_keys) == WHOLE:
            unnoticed.append((i, new))
tap(not unnoticed, "verify_log.py notices every mutation of a log, byte by byte (%d bytes)" % len(small))
