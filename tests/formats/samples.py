#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The samples of docs/formats.md are what the program makes of the record that stands there. TAP on stdout; --refresh writes them."""
import json
import os
import re
import subprocess
import sys

PAGE = "docs/formats.md"
LINE = "(the native line)"


def shown(value, indent=0):
    """JSON as a reader likes it: what fits a line stands on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= 140 or not isinstance(value, (dict, list)):
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        return "{\n" + ",\n".join(pad + json.dumps(k) + ": " + shown(v, indent + 2) for k, v in value.items()) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + shown(v, indent + 2) for v in value) + "\n" + " " * indent + "]"


def sample(name, line):
    made = subprocess.run([os.environ["VEDETTE"], "format", "--unverified", "--to", name, "-"], input=line + "\n", capture_output=True, text=True, check=True).stdout[:-1]
    if not made.startswith("{"):
        return made
    value = json.loads(made)
    if name == "ocsf":
        value["raw_data"] = LINE
    if name == "otlp":
        value["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"]["stringValue"] = LINE
    return shown(value)


with open(PAGE, encoding="utf-8") as f:
    page = f.read()
blocks = re.compile(r"(<!-- sample: ([a-z]+) -->\n```(?:json)?\n)(.*?)(```\n)", re.S)
text = {m[2]: m[3] for m in blocks.finditer(page)}
record = json.dumps(json.loads(text.pop("native")), separators=(",", ":"), ensure_ascii=False)
made = {name: sample(name, record) + "\n" for name in text}
if sys.argv[1:] == ["--refresh"]:
    with open(PAGE, "w", encoding="utf-8") as f:
        f.write(blocks.sub(lambda m: m[1] + made.get(m[2], m[3]) + m[4], page))
    sys.exit(0)
for name in ["ocsf", "cef", "leef", "falco", "otlp"]:
    holds = text.get(name) == made.get(name)
    print(("ok" if holds else "not ok") + " - %s: the sample of %s is up to date" % (name, PAGE) + ("" if holds else " (tests/formats/samples.py --refresh)"))
