#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/attacks.md from the tables that the guests' tests hold to.   table.py > docs/attacks.md"""
import os

HERE = os.path.dirname(os.path.abspath(__file__))

HEAD = """<!-- Made by tests/behaviours/table.py from the tables that the tests hold to; do not edit. -->
# What is seen: attacks, and ordinary work

Three tests run real programs in guests with Debian's kernels 6.1 and 6.12, under a daemon that watches the whole host in lsm mode, and hold
the alerts against tables. The tables below are those of the tests.

## Ordinary work

`tests/behaviours/ordinary.guest.sh`: in a Debian guest with systemd, packages are installed and removed, a program is compiled and run, a
backup of /etc is made and restored, a cron job runs, people log in and copy files by ssh, a service is restarted, Python starts other programs,
files are searched. Under the default rules nothing above low is raised. What is raised, at severity low:

| rule | why |
|---|---|
| `shadow-file-archived` | tar packs /etc, and the password hashes with it |
| `shell-startup-written` | the restored backup holds /etc/skel with its startup files |

## Falco's default rules against small attacks

`tests/behaviours/behaviours.guest.sh` (needs Falco's rule files): each act is a small C program or script in a cgroup of its own
(`tests/behaviours/behave.c`). Rules that are off by default are switched on for the acts that are about them. Falco stops at the first
rule that holds unless `rule_matching: all` is set; Vedette raises every one, so some acts raise two.

"""

ATOMICS = """
## Public atomic tests

`tests/behaviours/atomics.guest.sh` (needs the tests' file, and Falco's and Sigma's rules): {total} tests of {techniques} techniques in a Debian guest
without a network, with Falco's, Sigma's and the default rules together. {seen} raise at least one rule. Programs that tests bring along are
replaced by small ones of our own with the same visible acts.

| test | raised | what is missed, and why |
|---|---|---|
"""


def rows(name):
    for line in open(os.path.join(HERE, name)):
        if not line.startswith("#"):
            key, rules, *why = line.rstrip("\n").split("\t")
            yield key, "" if rules == "-" else rules, why[0] if why else ""


def letters(name):
    return "".join(c for c in name.lower() if c.isalnum())


def raises_its_own(act, rules):
    """An act is named after the rule it is about."""
    return letters(act) in (letters(rule) for rule in rules.split(";"))


def main():
    acts, atomics = list(rows("expected.tsv")), list(rows("atomics.tsv"))
    acts = [row for row in acts if not row[0].startswith("Nothing")]
    print(HEAD, end="")
    print(f"{sum(1 for a in acts if raises_its_own(a[0], a[1]))} of {len(acts)} acts raise the rule they are about.\n")
    print("| act | raised | remark |\n|---|---|---|")
    for row in acts:
        print("| " + " | ".join(row) + " |")
    techniques = {key.rsplit("-", 1)[0] for key, _, _ in atomics}
    print(ATOMICS.format(total=len(atomics), techniques=len(techniques), seen=sum(1 for a in atomics if a[1])), end="")
    for row in atomics:
        print("| " + " | ".join(row) + " |")


main()
