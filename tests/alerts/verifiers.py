#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tampers with sample logs and asks all three verifiers. TAP on stdout."""
import contextlib
import io
import json
import os
import subprocess
import sys

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


def stray(line, before, digit):
    """The last digit of a base64 text one up: what it decodes to stays the same."""
    at = line.index(before) + len(before) + digit
    return line[:at] + bytes([line[at] + 1]) + line[at + 1:]


rolled = lines("rolled")
a, other, content = lines("a"), lines("other-stream"), lines("other-content")
twice, twice_other = lines("twice"), lines("twice-other")  # two streams of one agent, of 7 and 4 records
forgotten = lines("twice-forgotten")  # the second names the end of the first where that got its key, behind record 3
WHOLE, OPEN, BAD, DIFFERS = "whole", "open-ended", "bad", "differs"
inner = 2  # a record within a batch of three: it has a path


def with_line(at, new):
    return join(a[:at] + [new] + a[at + 1:])


sig_at = a[inner].index(b'"sig":"') + 7
path_at = a[inner].index(b'"path":["') + 9
prev_at = a[inner].index(b'"prev":"') + 8
body_end = a[inner].index(b',"vedette_sig":')

behind = ["the second stream without the first, with its key at hand"]

# what, log, expectation
cases = [
    ("an untouched log", join(a), WHOLE),
    ("many batch sizes", load("many.sample"), WHOLE),
    ("keys that follow one another", load("rolled.sample"), WHOLE),
    ("two streams of an agent", join(twice), WHOLE),
    ("two streams, the first never closed", load("twice-open.sample"), OPEN),
    ("the second stream without the first", join(twice[7:]), BAD),
    (behind[0], join(lines("twice-open")[7:]), OPEN),
    ("the end of the first stream cut off", join(twice[:6] + twice[7:]), BAD),
    ("the last batches of the first stream cut off", join(twice[:4] + twice[7:]), BAD),
    ("the open record of the second stream deleted", join(twice[:7] + twice[8:]), BAD),
    ("the first stream twice", join(twice[:7] + twice[:7] + twice[7:]), BAD),
    ("the second stream twice", join(twice + twice[7:]), BAD),
    ("the second stream behind another first one", join(twice_other[:7] + twice[7:]), BAD),
    ("a record of the first stream in the second", join(twice[:8] + [twice[2]] + twice[8:]), BAD),
    ("an edited byte in what the second stream says of the first", join(twice[:7] + [edit(twice[7], b'"next":7', b'"next":6')] + twice[8:]), BAD),
    ("an agent that lost its log", join(forgotten), OPEN),
    ("the same, cut short behind the last key that the first stream named", join(forgotten[:5] + forgotten[7:]), OPEN),
    ("the same, without the record that named the key", join(forgotten[:3] + forgotten[7:]), BAD),
    ("the same behind another first one", join(twice_other[:7] + forgotten[7:]), BAD),
    ("cut behind the first of two streams", join(twice[:7]), WHOLE),
    ("a key roll deleted", join(rolled[:3] + rolled[4:]), BAD),
    ("another key in a roll", join(rolled[:3] + [edit(rolled[3], b'"next_key":"', b'"next_key":"A')] + rolled[4:]), BAD),
    ("cut behind a key roll", join(rolled[:4]), OPEN),
    ("a log without its close", load("open-ended.sample"), OPEN),
    ("edited byte in a body", with_line(inner, edit(a[inner], b'"test"', b'"tess"')), BAD),
    ("edited number in a body", with_line(inner, edit(a[inner], b'"alerts":0', b'"alerts":1')), BAD),
    ("edited byte in a signature", with_line(inner, flip(a[inner], sig_at + 10)), BAD),
    ("stray bits in a signature's base64", with_line(inner, stray(a[inner], b'"sig":"', 85)), BAD),
    ("stray bits in the signature of a batch of one", with_line(0, stray(a[0], b'"sig":"', 85)), BAD),
    ("stray bits in a path's base64", with_line(inner, stray(a[inner], b'"path":["', 42)), BAD),
    ("edited byte in a path", with_line(inner, flip(a[inner], path_at + 3)), BAD),
    ("path shortened", with_line(inner, a[inner][:path_at - 1] + a[inner][a[inner].index(b"]", path_at):]), BAD),
    ("path with one hash more", with_line(inner, edit(a[inner], b'"path":[', b'"path":["' + b"A" * 43 + b'=",')), BAD),
    ("path with one hash more at its end", with_line(inner, edit(a[inner], b'"],"prev"', b'","' + b"A" * 43 + b'="],"prev"')), BAD),
    ("path with a hash in a batch of one", with_line(0, edit(a[0], b'"path":[', b'"path":["' + b"A" * 43 + b'="')), BAD),
    ("path with a comma behind", with_line(inner, edit(a[inner], b'],"prev"', b',],"prev"')), BAD),
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
    ("a torn line of 1 MiB", join(a[:2]) + b"x" * (1 << 20), OPEN),
    ("a torn line of more than 1 MiB", join(a[:2]) + b"x" * ((1 << 20) + 1), BAD),
    ("cut behind a close within a batch", join(load("bad-signed-after-close.log").split(b"\n")[:2]), OPEN),
    ("no log at all", b"hello\nworld\n", BAD),
]
odd = {"good": WHOLE, "open": OPEN, "bad": BAD}
cases += [(name[:-4], load(name), odd[name.split("-")[0]]) for name in sorted(os.listdir(folder)) if name.endswith(".log")]


# The scripts run as they are, but within this process: there are thousands of runs.
scripts = {}
for name in ("verify_line", "verify_log"):
    with open("docs/%s.py" % name, "rb") as f:
        scripts[name] = compile(f.read(), name, "exec")


def script(name, arguments, stdin=b""):
    """Exit status and output of a script."""
    out, kept = io.StringIO(), (sys.argv, sys.stdin)
    sys.argv, sys.stdin = [name, *arguments], io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with contextlib.redirect_stdout(out):
            exec(scripts[name], {"__name__": "__main__"})  # pylint: disable=exec-used
        status = 0
    except SystemExit as e:
        status = int(e.code) if isinstance(e.code, (int, type(None))) and e.code else 1 if e.code else 0
    except Exception:  # the interpreter would tell it and end with 1
        status = 1
    finally:
        sys.argv, sys.stdin = kept
    return status, out.getvalue()


def ours(log, key, *options):
    """Exit status and output of the program."""
    run = subprocess.run([vedette, "verify", "--key", os.path.join(folder, key), *options, "-"], input=log, capture_output=True, check=False)
    return run.returncode, run.stdout.decode("utf-8", "replace")


# An epoch more than the logs of a.key use, and another key for theirs: of two the first counts.
with open(os.path.join(folder, "a.key"), "ab") as f:
    f.write(load("a.key").replace(b" 0 ", b" 1 "))
    f.write(load("other-key.key"))


def twin(log, key, *options):
    """Exit status and output of verify_log.py."""
    path = os.path.join(folder, "twin")
    with open(path, "wb") as f:
        f.write(log)
    return script("verify_log", [*options, os.path.join(folder, key), path])


node = subprocess.Popen(["node", "tests/alerts/verifiers.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # pylint: disable=consider-using-with


def node_twin(log, key, *options):
    """Exit status and output of verify_log.mjs."""
    path = os.path.join(folder, "node-twin")
    with open(path, "wb") as f:
        f.write(log)
    ask = {"keys": os.path.join(folder, key), "log": path, "fromMiddle": "--from-middle" in options}
    node.stdin.write(json.dumps(ask).encode() + b"\n")
    node.stdin.flush()
    said = json.loads(node.stdout.readline())
    if "error" in said:
        return 1, said["error"]
    text = "verified %d records%s" % (said["records"], "" if said["whole"] else "\nopen-ended after %d" % said["records"])
    return int("--complete" in options and not said["whole"]), text


def says(verifier, log, key, *options):
    """What a verifier says: whole, open-ended or bad, and 'differs' when its exit statuses and its words disagree."""
    plain, text = verifier(log, key, *options)
    complete, _ = verifier(log, key, "--complete", *options)
    result = {(0, 0): WHOLE, (0, 1): OPEN, (1, 1): BAD}.get((plain, complete), DIFFERS)
    agree = text.startswith("verified ") == (plain == 0) and ("\nopen-ended after " in text) == (result == OPEN)
    return (result if agree else DIFFERS), text


def json_says(log, key):
    status, out = ours(log, key, "--json")
    result = {"verified": WHOLE, "open-ended": OPEN, "bad": BAD}[json.loads(out)["result"]]
    return result if status == (result == BAD) else DIFFERS


for what, log, expected in cases:
    result, text = says(ours, log, "a.key")
    all_say = [result, json_says(log, "a.key"), says(twin, log, "a.key")[0], says(node_twin, log, "a.key")[0]]
    tap(all_say == [expected] * 4, "%s: %s" % (what, expected))
    if all_say != [expected] * 4:
        print("# vedette, with --json, verify_log.py, verify_log.mjs say %s\n# %s" % (", ".join(all_say), text.strip().replace("\n", "\n# ")))
    result, second, third = [says(verifier, log, "a.key", "--from-middle")[0] for verifier in (ours, twin, node_twin)]
    wanted = WHOLE if what in behind or what.startswith("open-begins-behind") else expected  # a past that is not here is no fault then
    tap(result == second == third != DIFFERS and (expected == BAD or result == wanted), "%s, from the middle: %s" % (what, result))

for name in ("other-key", "other-stream"):
    tap(all(says(verifier, join(a), name + ".key")[0] == BAD for verifier in (ours, twin, node_twin)), "key of %s: bad" % name)

for start in range(len(a)):
    for end, expected in ((len(a), WHOLE), (len(a) - 1, OPEN)):
        some = a[start:end]
        both = [says(verifier, join(some), "a.key", "--from-middle") for verifier in (ours, twin, node_twin)] if some else []
        tap(all(result == expected and text.startswith("verified %d records" % len(some)) for result, text in both),
            "from the middle, records %d to %d: %s" % (start, end - 1, expected))
tap(says(twin, join(a[1:]), "a.key")[0] == BAD, "verify_log.py: not from the middle unless asked")

# the first bad line is named, with its fault
for what, log, expected in [
    ("deleted", join(a[:2] + a[3:]), b":3: deleted: record 2 is missing"), ("edited", with_line(4, edit(a[4], b'"test"', b'"tess"')), b":5: edited"),
    ("replayed", join(a[:3] + [a[2]] + a[3:]), b":4: replayed: record 2"), ("spliced", join(a[:2] + [other[2]]), b":3: spliced"),
    ("not a record", join(a[:1] + [b"x"]), b":2: not a record"), ("after the close", join(a + [a[6]]), b":8: after the close"),
    ("chain broken", join(a[:4] + content[4:]), b":5: chain broken"),
    ("a key roll deleted", join(rolled[:3] + rolled[4:]), b":4: deleted: record 3 is missing"),
    ("a record behind the roll of its key", join(rolled[:5] + [rolled[1]] + rolled[5:]), b":6: replayed: record 1"),
    ("a file left out with the end of a stream and the beginning of the next", join(twice[:4] + twice[9:]),
     b":5: deleted: stream 00000000-0000-4000-8000-000000000000/0 from record 4 on and the beginning of stream 00000000-0000-4000-8000-000000000000/1, up to record 1, are missing"),
    ("a file left out with the beginning of a stream", join(twice[:7] + twice[9:]),
     b":8: deleted: the beginning of stream 00000000-0000-4000-8000-000000000000/1, up to record 1, is missing"),
    ("a stream left out", load("bad-again-a-stream-left-out.log"), b":2: deleted: it follows stream 00000000-0000-4000-8000-000000000000/7, which is missing"),
    ("a stream that follows a later one", load("bad-again-other-stream-before.log"), b":2: chain broken: it follows stream"),
    ("two streams twice", join(twice + twice), b":12: replayed: record 0 of stream 00000000-0000-4000-8000-000000000000/0 stands here again"),
    ("a stream twice", join(a + a), b":8: after the close: record 0 follows the stream's close, and stands before it, too"),
]:
    _, text = ours(log, "a.key")
    tap(expected.decode() in text, "told in words: " + what)
    if expected.decode() not in text:
        print("#", text)
    run = subprocess.run([sys.executable, "-B", "docs/verify_log.py", os.path.join(folder, "a.key"), "/dev/stdin"], input=log, capture_output=True, check=False)
    at = "line %s: " % expected.decode().split(":")[1]
    tap(run.returncode == 1 and run.stderr.decode().startswith(at) and not run.stdout, "verify_log.py names the same line: " + what)

# a log whose beginning is missing, with it what names its key, and the first key of the agent alone
behind_roll = join(rolled[4:])
for verifier, options, expected in [(ours, [], "deleted: the log begins with record 4 of stream"), (ours, ["--from-middle"], "wrong key: there is no key for stream"),
                                    (node_twin, [], "what stands before it is missing")]:
    status, text = verifier(behind_roll, "rolled.key", *options)
    tap(status == 1 and expected in text, " ".join(["no key, with an earlier one at hand", *options]) + ": " + expected)
with open(os.path.join(folder, "behind"), "wb") as f:
    f.write(behind_roll)
run = subprocess.run([sys.executable, "-B", "docs/verify_log.py", os.path.join(folder, "rolled.key"), os.path.join(folder, "behind")], capture_output=True, check=False)
tap(run.returncode == 1 and b"what stands before it is missing" in run.stderr, "verify_log.py says the same")

# the scripts as an auditor runs them
with open(os.path.join(folder, "cut.sample"), "wb") as f:
    f.write(join(a[:4]))
for arguments, status, expected in [(["a.key", "a.sample"], 0, "verified 7 records\n"), (["a.key", "cut.sample"], 0, "open-ended after 4"),
                                    (["--complete", "a.key", "cut.sample"], 1, "open-ended after 4"), (["other-key.key", "a.sample"], 1, ""),
                                    (["--from-middle", "--complete", "a.key", "a.sample"], 0, "verified 7 records\n"),
                                    (["--complet", "a.key", "a.sample"], 1, "")]:
    full = [x if x.startswith("--") else os.path.join(folder, x) for x in arguments]
    run = subprocess.run([sys.executable, "-B", "docs/verify_log.py", *full], capture_output=True, check=False)
    tap(run.returncode == status and expected in run.stdout.decode(), "verify_log.py " + " ".join(arguments))
run = subprocess.run([sys.executable, "-B", "docs/verify_line.py", os.path.join(folder, "a.key")], input=a[2] + b"\n", capture_output=True, check=False)
tap(run.returncode == 0 and run.stdout == b"00000000-0000-4000-8000-000000000000/0:2\n", "verify_line.py takes a line")
for what, line, status, expected in [("takes a line", a[2] + b"\n", 0, b"00000000-0000-4000-8000-000000000000/0:2\n"),
                                     ("takes the last line of a batch", a[3], 0, b"00000000-0000-4000-8000-000000000000/0:3\n"),
                                     ("refuses an edited line", edit(a[2], b'"test"', b'"tess"'), 1, b""),
                                     ("refuses an edited proof", flip(a[2], path_at + 3), 1, b""), ("refuses a line of another stream", other[2], 1, b""),
                                     ("refuses two lines", a[1] + b"\n" + a[2], 1, b""), ("refuses no line", b"", 1, b"")]:
    run = subprocess.run(["node", "docs/verify_line.mjs", os.path.join(folder, "a.key")], input=line, capture_output=True, check=False)
    tap(run.returncode == status and run.stdout == expected, "verify_line.mjs " + what)
for arguments, status, expected in [(["a.key", "a.sample"], 0, b"verified 7 records\n"), (["--complete", "a.key", "cut.sample"], 1, b"open-ended after 4"),
                                    (["other-key.key", "a.sample"], 1, b""), (["--from-middle", "--complete", "a.key", "a.sample"], 0, b"verified 7 records\n"),
                                    (["--complet", "a.key", "a.sample"], 1, b""), (["a.key"], 1, b"")]:
    full = [x if x.startswith("--") else os.path.join(folder, x) for x in arguments]
    run = subprocess.run(["node", "docs/verify_log.mjs", *full], capture_output=True, check=False)
    tap(run.returncode == status and expected in run.stdout and (expected or run.stderr), "verify_log.mjs " + " ".join(arguments))

# a log that changes its keys: each line alone has its own, and --keys-out tells them
known = os.path.join(folder, "known.key")
run = subprocess.run([vedette, "verify", "--keys-out", known, "--key", os.path.join(folder, "rolled.key"), os.path.join(folder, "rolled.sample")],
                     capture_output=True, check=False)
tap(run.returncode == 0 and len(load("known.key").splitlines()) == 3, "--keys-out writes the three keys of a log")
run = subprocess.run([vedette, "verify", "--keys-out", known, "--key", os.path.join(folder, "rolled.key"), os.path.join(folder, "rolled.sample")],
                     capture_output=True, check=False)
tap(run.returncode == 1 and b"not there yet" in run.stderr, "--keys-out writes over no file")
tap(all(script("verify_line", [known], line)[0] == 0 for line in rolled), "verify_line.py takes each line with them")
tap([script("verify_line", [os.path.join(folder, "rolled.key")], line)[0] for line in rolled] == [0] * 4 + [1] * 5, "and without them the first key's lines alone")
for start in range(len(rolled)):
    tap(all(says(verifier, join(rolled[start:]), "known.key", "--from-middle")[0] == WHOLE for verifier in (ours, twin, node_twin)),
        "a log of several keys from the middle, from record %d" % start)

# a key file with the line ends of another system
with open(os.path.join(folder, "crlf.key"), "wb") as f:
    f.write(load("a.key").replace(b"\n", b"\r\n"))
for what, command in (("vedette verify", [vedette, "verify", "--complete", "--key"]),
                      ("verify_log.py", [sys.executable, "-B", "docs/verify_log.py", "--complete"])):
    run = subprocess.run([*command, os.path.join(folder, "crlf.key"), os.path.join(folder, "a.sample")], capture_output=True, check=False)
    tap(run.returncode == 0 and b"verified 7 records" in run.stdout, "a key file with CR LF is taken by " + what)

# a verdict that cannot be written is none
for options in ([], ["--json"]):
    with open("/dev/full", "wb") as full_disk:
        run = subprocess.run([vedette, "verify", *options, "--key", os.path.join(folder, "a.key"), os.path.join(folder, "a.sample")],
                             stdout=full_disk, stderr=subprocess.PIPE, check=False)
    tap(run.returncode == 1 and b"cannot write the output" in run.stderr, " ".join(["a full disk ends verify with 1", *options]))


def takes_line(line):
    status, out = script("verify_line", [os.path.join(folder, "a.key")], line)
    assert (status == 0) == (out != ""), (status, out)
    return status == 0


tap(all(takes_line(line) for line in lines("many")), "verify_line.py takes every line of every batch size")
taken = [i for i in range(len(a[inner])) for bit in (1, 32) if takes_line(a[inner][:i] + bytes([a[inner][i] ^ bit]) + a[inner][i + 1:])]
tap(not taken, "verify_line.py refuses every changed byte of a line")

# every byte of a small log: changed, taken out, doubled
# (of the program the unit test asks the same; here it is asked for every 16th, that both say the same)
small, unnoticed, differ, asked = load("small.sample"), [], [], 0
for i in range(len(small)):
    for k, new in enumerate((bytes([small[i] ^ 1]), bytes([small[i] ^ 0x80]), b"", small[i:i + 1] + b" ")):
        if (i + k) % 2:  # two ways for each byte, the other two for the next
            continue
        log = small[:i] + new + small[i + 1:]
        status, out = twin(log, "small.key")
        if status == 0 and "open-ended" not in out:
            unnoticed.append((i, new))
        if (status, "open-ended" in out) != ((answer := node_twin(log, "small.key"))[0], "open-ended" in answer[1]):
            differ.append((i, new, "verify_log.mjs"))
        if i == len(small) - 1 or (i + 5 * k) % 16 == 0:
            asked += 1
            ours_status, ours_out = ours(log, "small.key")
            if (status, "open-ended" in out) != (ours_status, "open-ended" in ours_out):
                differ.append((i, new))
tap(not unnoticed, "verify_log.py and verify_log.mjs notice every mutation of a log of two streams, byte by byte (%d bytes)" % len(small))
tap(asked > len(small) // 32 and not differ, "vedette verify says the same (%d of the mutations)" % asked)
if unnoticed or differ:
    print("#", unnoticed, differ)

# short enough to be read before they are believed
for name, most in (("verify_line.py", 20), ("verify_log.py", 45), ("verify_line.mjs", 20), ("verify_log.mjs", 45)):
    with open("docs/%s" % name, encoding="utf-8") as f:
        code = [line for line in f if line.strip() and not line.lstrip().startswith(("#", "//"))]
    tap(0 < len(code) <= most, "%s has %d lines of code, at most %d" % (name, len(code), most))
