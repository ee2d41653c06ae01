#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lines of every format against their schemas, against readers of others, and against the record that they are made of. TAP on stdout."""
import base64
import collections
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import jsonschema

FOLDER = sys.argv[1]


def tap(holds, what, detail=""):
    print(("ok - " if holds else "not ok - ") + what)
    if not holds and detail:
        print("# " + str(detail)[:600])


def lines(*path):
    with open(os.path.join(FOLDER, *path), "rb") as f:
        return f.read().decode("utf-8").split("\n")[:-1]


def leaf(line):
    """Hash of a record's body, as the signed tree has it."""
    at = line.rfind(',"vedette_sig":')
    body = line if at < 0 else line[:at] + "}"
    return base64.b64encode(hashlib.sha256(b"\0" + body.encode()).digest()).decode()


def flat(value, path=""):
    for key, v in value.items():
        yield from flat(v, path + key + ".") if isinstance(v, dict) else [(path + key, v)]


NATIVE = {"golden": lines("golden", "native"), "signed": lines("signed", "native"), "cut": lines("golden", "native")}
RECORDS = {kind: [dict(flat(json.loads(line))) for line in of] for kind, of in NATIVE.items()}


# --- JSON ----------------------------------------------------------------------------------------------------------------------------------
def refusals(validator, sample, what, changes):
    """A schema that takes everything proves nothing."""
    for change in changes:
        bad = json.loads(json.dumps(sample))
        at = bad
        for name in change[0][:-1]:
            at = at[name]
        if len(change) == 1:
            del at[change[0][-1]]
        else:
            at[change[0][-1]] = change[1]
        tap(not validator.is_valid(bad), "%s: refused: %s" % (what, change))


def check_schema(name, changes):
    with open("schemas/formats/%s.schema.json" % name, encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for kind in NATIVE:
        made = lines(kind, name)
        tap(len(made) == len(NATIVE[kind]), "%s: a line for each %s record" % (name, kind), len(made))
        errors = []
        for i, line in enumerate(made):
            errors += ["%s line %d: %s: %s" % (kind, i + 1, "/".join(map(str, e.absolute_path)), e.message)
                       for e in validator.iter_errors(json.loads(line))]
        tap(not errors, "%s: %d %s lines fit the schema" % (name, len(made), kind), "\n# ".join(errors[:4]))
    alert = next(json.loads(line) for line, r in zip(lines("golden", name), RECORDS["golden"]) if r.get("event.action") == "file.open")
    refusals(validator, alert, name, changes)


check_schema("ocsf", [
    (["class_uid"],), (["time"],), (["metadata", "version"], "1.1.0"), (["file", "name"],), (["file", "type_id"], 8), (["actor"],), (["extra"], 1),
    (["activity_id"], 2), (["type_uid"], 100199), (["severity_id"], 0), (["device", "type_id"],), (["actor", "process", "pid"], "5"),
    (["unmapped", "leaf_sha256"], "x"), (["action_id"],), (["metadata", "profiles"], ["host"])])
check_schema("falco", [
    (["rule"],), (["priority"], "high"), (["output_fields", "evt.time"], "5"), (["output_fields", "process.pid"], 5), (["time"], "now"), (["extra"], 1),
    (["vedette", "leaf"],), (["output"], "m"), (["tags"], "x"), (["source"], "k8s")])
check_schema("otlp", [
    (["resourceLogs"], []), (["resourceLogs", 0, "scopeLogs", 0, "logRecords", 0, "severityNumber"], 5),
    (["resourceLogs", 0, "scopeLogs", 0, "logRecords", 0, "timeUnixNano"], 5), (["resourceLogs", 0, "scopeLogs", 0, "logRecords", 0, "body"], "x"),
    (["resourceLogs", 0, "resource", "attributes", 0, "value"], {"intValue": 5}), (["extra"], 1)])


def differences(kind, name, check):
    bad = []
    for native, record, line in zip(NATIVE[kind], RECORDS[kind], lines(kind, name)):
        for what in check(native, record, json.loads(line) if line.startswith("{") else line):
            bad.append("%s of %s: %s" % (record["event.id"], record.get("event.action"), what))
    return bad


def ocsf_of(native, record, made):
    if made["metadata"]["uid"] != record["event.id"] or made["unmapped"]["leaf_sha256"] != leaf(native):
        yield "leads to another record"
    if made.get("raw_data", native) != native or ("raw_data" not in made and "raw_data" not in made["unmapped"]["was_cut"]):
        yield "raw_data"
    if made["type_uid"] != made["class_uid"] * 100 + made["activity_id"] or made["type_name"] != made["class_name"] + ": " + made["activity_name"]:
        yield "type_uid, type_name"
    if ("is_alert" in made) != (record["event.dataset"] == "vedette.alert"):
        yield "is_alert"
    if made.get("file", {}).get("path", "").rstrip("�") not in record.get("file.path", ""):
        yield "file.path"


def falco_of(native, record, made):
    if made["vedette"]["event_id"] != record["event.id"] or made["vedette"]["leaf"] != leaf(native):
        yield "leads to another record"
    if made["rule"] != record.get("rule.name", made["rule"]) or made["output_fields"].get("proc.pid", 7) != record.get("process.pid", 7):
        yield "rule or proc.pid"


def otlp_of(native, record, made):
    [resource] = made["resourceLogs"]
    [scope] = resource["scopeLogs"]
    [log] = scope["logRecords"]
    attributes = {a["key"]: a["value"] for a in log["attributes"]}
    if len(attributes) != len(log["attributes"]):
        yield "an attribute stands there twice"
    if attributes["event.id"]["stringValue"] != record["event.id"] or attributes["vedette.leaf"]["stringValue"] != leaf(native):
        yield "leads to another record"
    cut = [v["stringValue"] for v in attributes.get("vedette.cut", {}).get("arrayValue", {}).get("values", [])]
    if log["body"]["stringValue"] != native and "body" not in cut:
        yield "the body is not the line"


for name, check in [("ocsf", ocsf_of), ("falco", falco_of), ("otlp", otlp_of)]:
    for kind in NATIVE:
        bad = differences(kind, name, check)
        tap(not bad, "%s: %s lines say what their records say" % (name, kind), "\n# ".join(bad[:4]))

with open("docs/falco-fields.md", encoding="utf-8") as f:
    known = set(re.findall(r"^\| `([^`]+)` \|", f.read(), re.M))
used = {key for line in lines("golden", "falco") for key in json.loads(line)["output_fields"]}
tap(len(used) > 40 and not used - known, "falco: all %d keys are fields of Falco's" % len(used), sorted(used - known))
classes = collections.Counter(json.loads(line)["class_uid"] for line in lines("golden", "ocsf"))
tap(set(classes) == {1001, 1002, 1003, 1004, 1007, 2004, 4001, 6002}, "ocsf: samples of %d classes" % len(classes), classes)


# --- CEF -----------------------------------------------------------------------------------------------------------------------------------
def unescape(text, names):
    """Undoes backslashes; an unknown one is a fault."""
    out, at = [], 0
    while at < len(text):
        if text[at] != "\\":
            out.append(text[at])
            at += 1
            continue
        out.append(names[text[at + 1]])
        at += 2
    return "".join(out)


def read_cef(line):
    head = re.fullmatch(r"CEF:0((?:\|(?:[^|\\]|\\[|\\])*){6})\|(.*)", line, re.S)
    fields = [unescape(f, {"|": "|", "\\": "\\"}) for f in re.split(r"(?<!\\)(?:\\\\)*\|", head[1])[1:]]
    starts = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", head[2]))
    pairs = {}
    for this, following in zip(starts, starts[1:] + [None]):
        if this[1] in pairs:
            raise ValueError("twice: " + this[1])
        pairs[this[1]] = unescape(head[2][this.end():following.start() if following else None], {"=": "=", "\\": "\\", "n": "\n", "r": "\r"})
    return fields, pairs


def pairs_of(native, record, fields, pairs, names, limit):
    """names: key of the format to member of the record."""
    if pairs["externalId"] != record["event.id"]:
        yield "leads to another record"
    cut = pairs.get("vedetteCut", "").split(",")
    for key, member in names.items():
        want = record.get(member)
        got = pairs.get(key)
        want = None if want is None or want == "" else ",".join(want) if isinstance(want, list) else str(want)
        if got != want and not (key in cut and got is not None and want.startswith(got) and len(got.encode()) <= limit):
            yield "%s is %r, not %r" % (key, got, want)


def cef_of(native, record, made):
    fields, pairs = read_cef(made)
    if fields[:3] != ["Vedette", "Vedette", record["agent.version"]] or fields[3] != record.get("rule.id", record.get("event.action", record["event.dataset"])):
        yield "head: %r" % (fields,)
    if pairs["cs1Label"] != "leafSha256" or pairs["cs1"] != leaf(native):
        yield "hash"
    yield from pairs_of(native, record, fields, pairs, {"msg": "message", "filePath": "file.path", "sproc": "process.executable", "cs2": "process.command_line",
                                                        "cn1": "event.sequence", "cs6": "tags", "suid": "user.id"}, 1023)


def read_leef(line):
    head = line.split("|", 6)
    if head[0] != "LEEF:2.0" or head[5] != "x09" or any("\t" in h for h in head[:6]):
        raise ValueError("head: %r" % head)
    pairs = {}
    for pair in head[6].split("\t"):
        key, value = pair.split("=", 1)
        if key in pairs or not re.fullmatch("[A-Za-z0-9]+", key):
            raise ValueError("key: " + key)
        pairs[key] = unescape(value, {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"})
    return head[1:5], pairs


def leef_of(native, record, made):
    fields, pairs = read_leef(made)
    if fields[:2] != ["Vedette", "Vedette"] or pairs["leafSha256"] != leaf(native) or not 1 <= int(pairs["sev"]) <= 10:
        yield "head or hash"
    yield from pairs_of(native, record, fields, pairs, {"msg": "message", "resource": "file.path", "process": "process.executable", "src": "source.ip",
                                                        "commandLine": "process.command_line", "sequence": "event.sequence", "tags": "tags"}, 1023)


for name, check in [("cef", cef_of), ("leef", leef_of)]:
    for kind in NATIVE:
        bad = differences(kind, name, check)
        tap(len(lines(kind, name)) == len(NATIVE[kind]) and not bad, "%s: %s lines say what their records say" % (name, kind), "\n# ".join(bad[:4]))

for kind in ["cut"]:
    for name in ["ocsf", "cef", "leef", "falco", "otlp"]:
        longest = max(len(line.encode()) for line in lines(kind, name))
        tap(longest <= 8192, "%s: 8 KiB are kept (the longest has %d bytes)" % (name, longest))


def by_liblognorm():
    """CEF as liblognorm's parser reads it: somebody else's."""
    program = shutil.which("lognormalizer")
    if not program:
        print("ok - cef: liblognorm reads it # SKIP lognormalizer is not installed (liblognorm-utils)")
        return
    rules = os.path.join(FOLDER, "cef.rulebase")
    with open(rules, "w", encoding="utf-8") as f:
        f.write("version=2\nrule=:%f:cef%\n")
    for kind in NATIVE:
        # it passes over one byte behind the head, where CEF has none to pass over
        text = "".join("%s %s\n" % (line[:end], line[end:]) for line in lines(kind, "cef") for end in [re.match(r"CEF:0(?:\|(?:[^|\\]|\\.)*){6}\|", line).end()])
        out = subprocess.run([program, "-r", rules, "-e", "json"], input=text, capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
        bad = [] if len(out) == len(NATIVE[kind]) else ["%d lines of %d" % (len(out), len(NATIVE[kind]))]
        for line, theirs in zip(lines(kind, "cef"), out):
            fields, pairs = read_cef(line)
            read = json.loads(theirs).get("f")
            if not read:
                bad.append(theirs)
                continue
            head = [read[k] for k in ["DeviceVendor", "DeviceProduct", "DeviceVersion", "SignatureID", "Name", "Severity"]]
            if head != fields or read["Extensions"] != pairs:
                bad.append("%r where ours reads %r" % (read, (fields, pairs)))
        tap(not bad, "cef: liblognorm reads %d %s lines as we do" % (len(out), kind), "\n# ".join(bad[:3]))


by_liblognorm()
