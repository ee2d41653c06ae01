#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is each refused call told once, with its error and its arguments? usage: refused.py LABEL ALERTS"""
import json
import sys

PERM = {"vedette.errno": "EPERM", "event.outcome": "failure", "vedette.stage": "completed", "vedette.source": "argument"}
WANTED = {
    "d-setuid": {**PERM, "event.action": "process.setuid", "vedette.new_uid": "0", "vedette.syscall": "setuid", "user.id": "65534"},
    "d-setresuid": {**PERM, "event.action": "process.setuid", "vedette.new_uid": "65534", "vedette.new_euid": "0", "vedette.syscall": "setresuid"},
    "d-uffd": {**PERM, "event.action": "process.userfaultfd", "vedette.userfaultfd.flags": 0o2000000},
    "d-ptrace": {**PERM, "event.action": "process.ptrace", "vedette.ptrace.request": "PTRACE_ATTACH", "vedette.target.pid": 1},
    # 6.12 asks its hook before it refuses, 6.1 after
    "d-bpf": {"event.outcome": "failure", "vedette.errno": "EPERM", "event.action": "bpf.load", "vedette.bpf.program_type": "BPF_PROG_TYPE_KPROBE", "vedette.bpf.name": "refused"},
    "d-init-module": {**PERM, "event.action": "kernel.module_load", "vedette.module.from": "memory"},
    "d-finit-module": {**PERM, "event.action": "kernel.module_load", "vedette.module.from": "file"},
    "d-mount": {**PERM, "vedette.errno": "ENOENT", "event.action": "file.mount", "file.path": "/none/there", "vedette.mount.type": "tmpfs"},
    "d-setns": {"event.action": "process.setns", "event.outcome": "failure", "vedette.errno": "EINVAL", "vedette.stage": "completed"},
    "d-unshare": {"event.action": "process.unshare", "event.outcome": "success", "vedette.namespace.flags": [], "vedette.stage": "completed"},
}


def at(record, name):
    for part in name.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def main():
    label, path = sys.argv[1:]
    records = [json.loads(line) for line in open(path, encoding="utf-8")]
    bad = 0
    for name, wanted in WANTED.items():
        mine = [r for r in records if at(r, "process.name") == name and at(r, "rule.id") == "refused-calls"]
        wrong = {k: (v, at(r, k)) for r in mine for k, v in wanted.items() if at(r, k) != v}
        good = len(mine) == 1 and not wrong
        bad |= not good
        print(f"{'ok' if good else 'not ok'} - {label}: {name[2:]} is told once, with its end" + ("" if good else f": {len(mine)} times, {wrong}"))
    return bad


sys.exit(main())
