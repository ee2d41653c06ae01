#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rule files against schemas/rules.schema.json and `vedette check`: both take, or refuse, the same. TAP on stdout."""
import glob
import json
import os
import re
import subprocess
import sys

import jsonschema
import yaml

vedette, build = sys.argv[1:3]


class Loader(yaml.SafeLoader):
    """YAML as editors read it (1.2): a date is text, and so are yes and =."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in tuple("tag:yaml.org,2002:" + t for t in ("timestamp", "bool", "value", "merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))


def tap(holds, what, detail=""):
    print(("ok - " if holds else "not ok - ") + what)
    if not holds and detail:
        print("\n".join("# " + line for line in str(detail).splitlines()[:8]))


with open("schemas/rules.schema.json", encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)


def schema_faults(text):
    return [e for document in yaml.load_all(text, Loader) if document is not None for e in validator.iter_errors(document)]


# The keys of the parser's table are those of the schema.
table, changes = {}, {}
with open("engine/rules/keys.def", encoding="utf-8") as f:
    for line in f:
        if m := re.match(r'PART\((\w+),', line):
            table.setdefault(m[1].lower(), set())
        elif m := re.match(r'RULE_KEY\("(\w+)", \w+, \w+, (\w+)', line):
            table["rule"].add(m[1])
            changes[m[1]] = m[2]
        elif m := re.match(r'KEY\((\w+), "(\w+)"', line):
            table[m[1].lower()].add(m[2])
table["override"] |= {k for k, change in changes.items() if change in ("REPLACE", "BOTH")}
table["append"] |= {k for k, change in changes.items() if change == "BOTH"}
in_schema = {name: set(d["properties"]) for name, d in schema["$defs"].items() if "properties" in d}
tap(in_schema == table, "the schema has the %d keys of %d maps that the parser knows" % (sum(map(len, table.values())), len(table)),
    {name: in_schema.get(name, set()) ^ table.get(name, set()) for name in in_schema.keys() | table.keys()})
missing = [(n, k) for n, d in schema["$defs"].items() for k, v in d.get("properties", {}).items() if len(v.get("description", "")) < 5]
tap(not missing, "each has a description", missing)

# Rules that load fit the schema.
# what begins with prometheus- is for another program (tests/daemon/metrics.host.sh)
files = [f for f in sorted(glob.glob("rules/**/*.yaml", recursive=True) + glob.glob("docs/examples/*.yaml")) if "/prometheus-" not in f]
tap(len(files) > 20, "there are %d files of shipped rules and examples" % len(files))
for path in files:
    with open(path, encoding="utf-8") as f:
        faults = schema_faults(f.read())
    if faults:
        tap(False, path + " fits the schema", "\n".join(e.message[:300] for e in faults))
tap(True, "all of them were read")
blocks = re.findall(r"^```yaml\n(.*?)^```$", open("docs/rules.md", encoding="utf-8").read(), re.M | re.S)
tap(len(blocks) > 5, "docs/rules.md has %d blocks" % len(blocks))
for i, block in enumerate(blocks):
    faults = schema_faults(block)
    tap(not faults, "block %d of docs/rules.md fits the schema" % (i + 1), "\n".join(e.message[:300] for e in faults))

RULE = "- rule: r\n  event: file.open\n  severity: low\n  when: true\n"
BLOCK = "- rule: r\n  event: file.open\n  severity: low\n  action: block\n  when: user.id = 0\n"
SCOPE = "- rule: r\n  event: file.open\n  severity: low\n"
OTHER = "- rule: other\n  event: file.open\n  severity: low\n  when: true\n"
folder = os.path.join(build, "schema-rules")
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "more.yaml"), "w", encoding="utf-8") as f:
    f.write("- {list: included, items: []}\n")


def check(text):
    path = os.path.join(folder, "case.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    run = subprocess.run([vedette, "check", "--force", path], capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stderr


GOOD = [
    "[]\n", RULE, RULE + "  title: 5\n", RULE + "  title: true\n", RULE + "  tags: one\n", RULE + "  tags: [one, 2]\n", RULE + "  attack: T1003\n",
    RULE + "  attack: [T1003.008, TA0006]\n", RULE + "  enabled: no\n", BLOCK, BLOCK + "  unknown: allow\n  rollout: 5\n", SCOPE + "  scope: user.id = 0\n  allow: [file.path = /a, file.open.read]\n",
    SCOPE + "  scope: user.id = 0\n  allow: []\n", RULE + "  throttle: false\n", RULE + "  throttle: {}\n",
    RULE + "  throttle: {count: 5, per: 10s, by: user.name}\n", RULE + "  throttle: {by: [user.name, file.path]}\n",
    RULE + "  exceptions: [{name: a, when: true, owner: me, reason: why, expires: 2199-12-31}]\n",
    RULE + "  exceptions: [{name: a, fields: file.path, values: [a, b]}]\n", RULE + "  exceptions: [{name: a, fields: file.path, comps: startswith, values: a}]\n",
    RULE + "  exceptions: [{name: a, fields: [file.path, user.id], comps: [in, '='], values: [[[/a, /b], 5]]}]\n",
    RULE + "  cases: [{fires: {}}, {quiet: {file.path: /x, process.args: [a, 1]}, name: n, event: file.open}]\n",
    "- rule: r\n  event: [file.open, 'network.*']\n  severity: info\n  when: 'true'\n", "- {list: l, items: [a, 5, true, '']}\n- {macro: m_1-x, when: true}\n",
    "- policy: {name: p, mode: detect}\n" + RULE, "- include: more.yaml\n", OTHER + "- {override: other, severity: high, append: {tags: [a], and: true, or: false}}\n",
    OTHER + "- {override: other, when: false, enabled: false, exceptions: [], cases: [], message: m, throttle: {count: 2}}\n",
    "- {list: l, items: [a]}\n- {override_list: l, append: [b]}\n- {override_list: l, items: []}\n",
    "- {macro: m, when: true}\n- {override_macro: m, when: false, append: {or: true}}\n", OTHER + "- {cases_for: other, cases: [{fires: {}}]}\n",
    RULE + "  threshold: {count: 5, within: 1m, by: user.name}\n", RULE + "  threshold: {count: {gte: 3}, within: 1m, distinct: file.path}\n",
    OTHER + "- {rule: t, severity: low, threshold: {count: 2, within: 1m, of: [other, {rule: other}]}}\n",
    OTHER + "- {rule: s, severity: low, sequence: {within: 1m, lineage: parent, steps: [{event: file.open, when: true, by: user.id}, {rule: other, by: user.id}]}}\n",
    OTHER + "- {rule: s, severity: low, together: {within: 1m, steps: [{event: file.open, when: true}, {rule: other}]}}\n",
    "- {rule: s, severity: low, absence: {within: 1m, lineage: true, after: {event: file.open, when: true}, missing: {event: file.delete, when: true, exceptions: []}}}\n",
]
for text in GOOD:
    taken, why = check(text)
    faults = schema_faults(text)
    tap(taken and not faults, "both take: " + " ".join(text.replace(RULE, "").replace(OTHER, "").split())[:110], why + "\n".join(e.message[:300] for e in faults))

BAD = [
    BLOCK + "  unknown: ask\n", BLOCK + "  rollout: 0\n", BLOCK + "  rollout: 101\n", SCOPE + "  allow: []\n", SCOPE + "  scope: true\n", SCOPE + "  scope: true\n  allow: true\n",
    "a: b\n", "- a\n", "- {x: y}\n", "- rule: Bad Id\n  event: file.open\n  severity: low\n  when: true\n", "- rule: r\n  severity: low\n  when: true\n",
    "- rule: r\n  event: file.open\n  when: true\n", "- rule: r\n  event: file.open\n  severity: low\n", "- rule: r\n  event: file.opn\n  severity: low\n  when: true\n",
    "- rule: r\n  event: []\n  severity: low\n  when: true\n", "- rule: r\n  event: nothing.*\n  severity: low\n  when: true\n",
    "- rule: r\n  event: file.open\n  severity: mild\n  when: true\n", "- rule: r\n  event: file.open\n  severity: low\n  when: [true]\n",
    RULE + "  titel: x\n", RULE + "  title: {}\n", RULE + "  title: [a]\n", RULE + "  tags: {a: b}\n", RULE + "  tags: [[a]]\n", RULE + "  attack: T99\n", RULE + "  attack: [T1003.08]\n",
    RULE + "  action: shout\n", RULE + "  enabled: maybe\n", RULE + "  exceptions: x\n", RULE + "  exceptions: [{when: true}]\n", RULE + "  exceptions: [{name: n}]\n",
    RULE + "  exceptions: [{name: n, when: true, fields: file.path, values: [a]}]\n", RULE + "  exceptions: [{name: n, fields: file.path}]\n",
    RULE + "  exceptions: [{name: n, fields: file.path, comps: like, values: [a]}]\n", RULE + "  exceptions: [{name: n, when: true, expires: soon}]\n",
    RULE + "  exceptions: [{name: n, when: true, expires: 2026-13-01}]\n", RULE + "  exceptions: [{name: n, when: true, expiry: 2026-12-01}]\n",
    RULE + "  throttle: often\n", RULE + "  throttle: {count: 0}\n", RULE + "  throttle: {per: 5}\n", RULE + "  throttle: {times: 1}\n", RULE + "  throttle: true\n",
    RULE + "  cases: x\n", RULE + "  cases: [{}]\n", RULE + "  cases: [{fires: {}, quiet: {}}]\n", RULE + "  cases: [{fires: []}]\n", RULE + "  cases: [{fires: {file.path: {a: b}}}]\n",
    "- {list: l}\n", "- {list: l, items: x}\n", "- {list: l, items: [[x]]}\n", "- {list: l, items: [], more: []}\n", "- {list: '', items: []}\n", "- {macro: 1x, when: true}\n",
    "- {macro: m}\n", "- {macro: m, when: {}}\n", "- {policy: x}\n", "- {policy: {mode: block}}\n", "- {policy: {name: p}}\n", "- {policy: {mode: detect, x: y}}\n",
    "- {include: /etc/x.yaml}\n", "- {include: x.txt}\n", "- {include: []}\n", "- {include: more.yaml, x: y}\n", OTHER + "- {override: other}\n",
    OTHER + "- {override: other, event: file.open}\n", OTHER + "- {override: other, rule: x}\n", OTHER + "- {override: other, append: {severity: low}}\n",
    OTHER + "- {override: other, append: x}\n", OTHER + "- {override: other, author: x}\n", "- {list: l, items: []}\n- {override_list: l}\n",
    "- {list: l, items: []}\n- {override_list: l, append: x}\n", "- {macro: m, when: true}\n- {override_macro: m, append: {xor: true}}\n", OTHER + "- {cases_for: other}\n",
    OTHER + "- {cases_for: other, cases: {}}\n", RULE + "  threshold: {within: 1m}\n", RULE + "  threshold: {count: 2}\n", RULE + "  threshold: {count: x, within: 1m}\n",
    RULE + "  threshold: {count: {most: 3}, within: 1m}\n", "- {rule: s, severity: low, sequence: {within: 1m}}\n",
    "- {rule: s, severity: low, sequence: {within: 1m, steps: [{event: file.open, when: true}]}}\n",
    "- {rule: s, severity: low, absence: {within: 1m, after: {event: file.open, when: true}}}\n",
]
for text in BAD:
    taken, why = check(text)
    faults = schema_faults(text)
    where = bool(re.search(r"case\.yaml:\d+:\d+: ", why))
    tap(not taken and where and faults, "both refuse: " + " ".join(text.replace(RULE, "").replace(OTHER, "").split())[:110],
        "check: %s, schema: %s\n%s" % ("taken" if taken else "refused", "refused" if faults else "taken", why))
