#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules that block, for the cost of a decision: 60 % files, 20 % connections, 20 % programs, with exceptions, executables and users.
None concerns what bench_ops does. usage: block_rules.py NUMBER [FOLDER: what the rules about files are under]"""
import sys


def file_rule(i, folder):
    area = f"{folder}/area{i % 20}"
    forms = [
        f"file.path startswith {area}/own{i}/ and not process.executable in (/usr/bin/tool{i}, /usr/bin/tool{i % 7})",
        f"file.path startswith {area}/ and file.open.write = true and not file.path startswith {area}/free{i}/",
        f"file.path = {area}/file{i} and user.id != {i % 30}",
        f"file.path in ({area}/a{i}, {area}/b{i}) and process.executable startswith /opt/vendor{i % 50}/",
    ]
    return "file.open", forms[i % len(forms)]


def connect_rule(i):
    forms = [
        f"destination.ip in (10.{i % 200}.0.0/16) and destination.port = {1000 + i}",
        f"destination.ip = 192.0.2.{i % 250} and not process.executable in (/usr/sbin/service{i}, /usr/sbin/service{i % 9})",
        f"destination.port in ({2000 + i}, {3000 + i}) and user.id = {i % 30}",
    ]
    return "network.connect", forms[i % len(forms)]


def exec_rule(i):
    forms = [
        f"process.executable startswith /opt/untrusted{i}/",
        f"process.executable in (/usr/local/bin/x{i}, /usr/local/bin/y{i}) and user.id != 0",
    ]
    return "process.exec", forms[i % len(forms)]


def main():
    n, folder = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/srv"
    for i in range(n):
        event, when = file_rule(i, folder) if i % 5 < 3 else connect_rule(i) if i % 5 == 3 else exec_rule(i)
        print(f"- {{rule: block{i}, event: {event}, when: '{when}', severity: low, action: block}}")


if __name__ == "__main__":
    main()
