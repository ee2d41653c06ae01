#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/evasions.md and docs/operations-closure.md, made of rows.tsv and sources.tsv.

usage: table.py [--check]   writes them anew, or says whether they are as they would be written
"""
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(FOLDER, "..", "..")
COLUMNS = ("test", "source", "verb", "route", "hook", "rules", "6.1", "6.12", "loads", "remark", "act")
EXPECTED = {"denied", "unknown", "alerted", "passes", "absent", "gap", "-"}
WORDS = {"denied": "stopped", "unknown": "stopped", "alerted": "told", "passes": "gap", "gap": "gap", "absent": "not there", "-": "-"}
KERNELS = ("6.1", "6.12")
BEGIN, END = "<!-- table: made by tests/evasions/table.py -->", "<!-- end of the table -->"


class Fault(Exception):
    """A table that cannot be used, and why."""


def lines(name, columns):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as text:
        for number, line in enumerate(text, 1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            if len(cells) != len(columns):
                raise Fault("%s:%d: %d columns, expected %d" % (name, number, len(cells), len(columns)))
            yield number, dict(zip(columns, cells))


def read():
    sources = {row["id"]: row for _, row in lines("sources.tsv", ("id", "what", "elsewhere", "remark"))}
    rows, names = [], set()
    with open(os.path.join(FOLDER, "evasions_rules.yaml"), encoding="utf-8") as text:
        rules = text.read()
    for number, row in lines("rows.tsv", COLUMNS):
        where = "rows.tsv:%d: " % number
        if row["test"] in names:
            raise Fault(where + "the test '%s' is there twice" % row["test"])
        names.add(row["test"])
        for kernel in KERNELS:
            if row[kernel] not in EXPECTED:
                raise Fault(where + "'%s' is nothing to expect" % row[kernel])
            if row[kernel] in ("gap", "passes", "absent") and not row["remark"]:
                raise Fault(where + "a gap without a reason")
        if row["source"] and row["source"] not in sources:
            raise Fault(where + "no row '%s' in sources.tsv" % row["source"])
        for rule in row["rules"].split("|"):
            if rule not in ("*", "-") and "rule: %s," % rule not in rules and "rule: %s\n" % rule not in rules:
                raise Fault(where + "no rule '%s' in evasions_rules.yaml" % rule)
        if not is_tried(row) and row["act"] != "-":
            raise Fault(where + "an act that is never tried")
        rows.append(row)
    for source in sources.values():
        for test in filter(None, source["elsewhere"].split(",")):
            if not os.path.exists(os.path.join(ROOT, test)):
                raise Fault("sources.tsv: %s: there is no test %s" % (source["id"], test))
        if not source["elsewhere"] and not source["remark"] and not any(r["source"] == source["id"] for r in rows):
            raise Fault("sources.tsv: %s has neither a test nor a reason" % source["id"])
    return rows, sources


def is_tried(row):
    return any(row[kernel] not in ("-", "gap") for kernel in KERNELS)


def count(rows, kernel):
    """How many are stopped, told, gaps, in words."""
    words = [WORDS[row[kernel]] for row in rows if WORDS[row[kernel]] != "-"]
    return ", ".join("%d %s" % (words.count(w), w) for w in ("stopped", "told", "gap", "not there") if w in words)


def evasions(rows, sources):
    out = ["| row | what is tried | 6.1 | 6.12 | gaps, remarks and other tests |", "|---|---|---|---|---|"]
    for source in sources.values():
        own = [row for row in rows if row["source"] == source["id"]]
        notes = [source["remark"]] if source["remark"] else []
        notes += ["`%s`: %s" % (row["test"], row["remark"]) for row in own if row["remark"]]
        notes += ["`%s`" % test for test in filter(None, source["elsewhere"].split(","))]
        out.append("| %s | %s | %s | %s | %s |" % (source["id"], source["what"], count(own, "6.1"), count(own, "6.12"), "; ".join(notes)))
    return out


def closure(rows):
    out = []
    for verb in dict.fromkeys(row["verb"] for row in rows):
        out += ["### " + verb, "", "| route | hook | 6.1 | 6.12 | test | remark |", "|---|---|---|---|---|---|"]
        for row in (row for row in rows if row["verb"] == verb):
            test = "`%s`" % row["test"] if is_tried(row) else ""
            out.append("| %s | %s | %s | %s | %s | %s |" % (row["route"].replace("|", "\\|"), row["hook"] or "none", WORDS[row["6.1"]], WORDS[row["6.12"]], test, row["remark"]))
        out.append("")
    return out[:-1]


def put(name, table, is_check):
    path = os.path.join(ROOT, "docs", name)
    with open(path, encoding="utf-8") as text:
        old = text.read()
    if BEGIN not in old or END not in old:
        raise Fault("docs/%s: the marks of the table are missing" % name)
    head, rest = old.split(BEGIN)
    new = head + BEGIN + "\n" + "\n".join(table) + "\n" + END + rest.split(END)[1]
    if is_check:
        print("%s - docs/%s has the rows of the tests%s" % (("ok", name, "") if new == old else ("not ok", name, ": run tests/evasions/table.py")))
        return new == old
    with open(path, "w", encoding="utf-8") as text:
        text.write(new)
    return True


def main():
    is_check = sys.argv[1:] == ["--check"]
    try:
        rows, sources = read()
        good = put("evasions.md", evasions(rows, sources), is_check) & put("operations-closure.md", closure(rows), is_check)
    except Fault as fault:
        print("not ok - the tables of the evasions can be used: %s" % fault)
        return 1
    if is_check:
        print("ok - %d routes, %d tests, %d rows of evasions" % (len(rows), sum(is_tried(row) for row in rows), len(sources)))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
