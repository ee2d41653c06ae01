#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Validates golden and signed records against schemas/record.schema.json. TAP on stdout."""
import collections
import copy
import json
import os
import sys

import jsonschema


def tap(holds, what):
    print(("ok - " if holds else "not ok - ") + what)


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


with open("schemas/record.schema.json", encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
# one validator for each record: oneOf over six would say little of what is wrong
by_dataset = {}
for branch in schema["oneOf"]:
    definition = schema["$defs"][branch["$ref"].rsplit("/", 1)[1]]
    dataset = definition["properties"]["event"]["properties"]["dataset"]["const"]
    by_dataset[dataset] = jsonschema.Draft202012Validator({"$defs": schema["$defs"], **definition})
whole = jsonschema.Draft202012Validator(schema)

signed = lines(os.path.join(sys.argv[1], "a.sample"))
golden = lines("tests/golden/records.jsonl")
for record in golden:
    record["vedette_sig"] = signed[0]["vedette_sig"]

alert = next(record for record in golden if record["event"]["dataset"] == "vedette.alert")
seen = collections.Counter()
for record in golden + signed:
    dataset, action = record["event"]["dataset"], record["event"].get("action", "bare")
    errors = list(by_dataset[dataset].iter_errors(record))
    if errors or seen[dataset, action] == 0:
        tap(not errors, "%s of %s fits its schema" % (dataset, action))
    for error in errors[:3]:
        print("#", "/".join(map(str, error.absolute_path)), error.message[:300])
    seen[dataset, action] += 1
tap({d for d, _ in seen} == set(by_dataset), "there is a sample of every record: " + ", ".join(sorted(by_dataset)))
tap(whole.is_valid(golden[0]) and whole.is_valid(alert), "exactly one branch of the whole schema takes a record")


def changed(record, path, value):
    """A copy with one member set, or removed when value is None."""
    record = copy.deepcopy(record)
    at = record
    for name in path[:-1]:
        at = at[name]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return record


for what, path, value in [
    ("an unknown member", ["extra"], 1), ("an unknown member below process", ["process", "extra"], 1),
    ("an unknown member in the signature", ["vedette_sig", "extra"], 1), ("a sequence that is a string", ["event", "sequence"], "5"),
    ("a time without nanoseconds", ["@timestamp"], "2026-01-02T03:04:05Z"), ("an unknown dataset", ["event", "dataset"], "vedette.other"),
    ("an id that is a number", ["process", "entity_id"], 5), ("a severity below 0", ["event", "severity"], -1),
    ("no rule", ["rule"], None), ("no signature", ["vedette_sig"], None), ("no sequence", ["event", "sequence"], None),
    ("an unknown symbol", ["vedette", "sensor"], "magic"),
]:
    tap(not whole.is_valid(changed(alert, path, value)), "refused: " + what)
