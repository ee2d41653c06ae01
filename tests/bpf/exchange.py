#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what tracepoint mode made of the program `exchange`: no wrong path passes for a certain one.

usage: exchange.py LABEL EVENTS TIMES
"""
import json
import sys


def main():
    label, path, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
    right = wrong = marked = from_arguments = 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"].get("action") != "file.open" or "O_NOFOLLOW" not in event["file"]["open"]["flags"]:
                continue
            is_uncertain = "file.path" in event["vedette"].get("uncertain", [])
            is_right = event["file"].get("path", "").endswith("/right")
            marked += is_uncertain
            from_arguments += is_uncertain and event["vedette"]["source"] == "argument"
            right += is_right and not is_uncertain
            wrong += not is_right and not is_uncertain
    print("# %s: %d certain, %d marked uncertain, of those %d by the argument" % (label, right, marked, from_arguments))
    print("%s - %s: every open is told once" % ("ok" if right + wrong + marked == times else "not ok", label))
    skip = "" if marked or wrong else " # SKIP the threads never met"
    print("%s - %s: a file put on the descriptor by another thread is not told as the one opened%s" % ("not ok" if wrong else "ok", label, skip))
    return 0


if __name__ == "__main__":
    sys.exit(main())
