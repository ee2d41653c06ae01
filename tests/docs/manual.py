# SPDX-License-Identifier: Apache-2.0
# The manual pages against the program: every option of `vedette X --help` stands in X's part of vedette.1, and the other way round; every
# key of the configuration's template stands in vedette.yaml.5 with its default, and the other way round.
import os
import re
import subprocess
import sys

import yaml

VEDETTE = os.environ["VEDETTE"]
failed = False


def result(good, text, detail=""):
    global failed
    print(("ok - " if good else "not ok - ") + text)
    if not good:
        failed = True
        print("# " + detail)


def printed(*arguments):
    return subprocess.run([VEDETTE, *arguments], capture_output=True, text=True, check=True).stdout


def options_of_help(text):
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])", text))


def options_of_page(lines):
    found = set()
    for line in lines:
        if not re.match(r"\.(It )?.*\bFl\b", line):
            continue
        for name in re.findall(r"Fl (-?[a-z][a-z-]*)", line):
            found.add("-" + name)
    return found


page = open("docs/man/vedette.1").read().splitlines()
parts, current = {}, None
for line in page:
    if line.startswith((".Ss ", ".Sh ")):
        current = line[4:] if line.startswith(".Ss ") else None
    elif current:
        parts.setdefault(current, []).append(line)

commands = re.findall(r"^  ([a-z]+) ", printed("--help"), re.M)
result(sorted(commands) == sorted(parts), "vedette.1 has a part for each command", f"{sorted(commands)} and {sorted(parts)}")
for command in commands:
    there = options_of_help(printed(command, "--help")) - {"--"}
    items = options_of_page([l for l in parts.get(command, []) if l.startswith(".It ")])
    missing = there - items
    invented = items - there - {"--help", "-h"}
    result(not missing and not invented, f"vedette.1 has the options of vedette {command} ({len(there)})",
           f"not in the page: {sorted(missing)}; not in the program: {sorted(invented)}")
    for option in sorted(items):
        # What the page names, the program takes: an unknown option is status 2 (run: 125) with getopt's words. An option with a value takes
        # the first --help for it; the second one ends the program.
        run = subprocess.run([VEDETTE, command, option, "--help", "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        if "unrecognized option" in run.stderr or "invalid option" in run.stderr:
            result(False, f"vedette {command} takes {option}", run.stderr.strip())


def keys_of(tree, before=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from keys_of(value, before + key + ".")
        else:
            yield before + key, value


template = dict(keys_of(yaml.safe_load(printed("daemon", "--template"))))
text = open("docs/man/vedette.yaml.5").read()
paragraphs = dict(re.findall(r"^\.It Ic (\S+)\n((?:(?!\.It |\.El).*\n)+)", text, re.M))
result(set(template) == set(paragraphs), f"vedette.yaml.5 has the {len(template)} keys of the template",
       f"not in the page: {sorted(set(template) - set(paragraphs))}; not in the program: {sorted(set(paragraphs) - set(template))}")

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
for key, value in template.items():
    said = re.search(r"^Default:\s+(.*)\.$", paragraphs.get(key, ""), re.M)
    if not said:
        continue
    words = re.sub(r"^\.[A-Z][a-z] ", "", said.group(1)).strip()
    number = re.fullmatch(r"(\d+)(KiB|MiB|GiB|ms|s|m|h)?", words)
    if isinstance(value, list):
        same = words == ", ".join(value)
    elif isinstance(value, bool):
        same = words == str(value).lower()
    elif number:
        shown = re.fullmatch(r"(\d+)(KiB|MiB|GiB|ms|s|m|h)?", str(value))
        same = bool(shown) and int(number[1]) * UNITS.get(number[2], 1) == int(shown[1]) * UNITS.get(shown[2], 1)
    else:
        same = words == value
    result(same, f"vedette.yaml.5 has the default of {key}", f"'{words}' in the page, '{value}' in the program")
sys.exit(failed)
