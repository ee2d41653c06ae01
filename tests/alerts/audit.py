#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes signed logs, asks `vedette audit report` about them, and holds what it says against what was put in. TAP on stdout."""
import datetime
import html.parser
import json
import os
import subprocess
import sys

import jsonschema

VEDETTE, BUILD, folder = os.environ["VEDETTE"], os.environ["BUILD"], sys.argv[1]
BEGIN = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)
AGENT = "00000000-0000-4000-8000-0000000000aa"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&\"'</td></table>"
TRICKS = "\x1b[2J\x07\u202egnp.exe\u200b\ufeff\u2066\x00\u0085"


def tap(holds, what, detail=""):
    print(("ok - " if holds else "not ok - ") + what)
    if not holds and detail:
        print("# " + str(detail)[:2000].replace("\n", "\n# "))


def at(seconds):
    return (BEGIN + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")


class Log:
    """Lines for seal_bodies."""

    def __init__(self):
        self.lines, self.stream, self.next = [], "", 0

    def begin(self, incarnation, seconds, closed=None, **more):
        before = self.stream, self.next
        self.stream, self.next = f"{AGENT}/{incarnation}", 0
        self.lines.append("stream " + self.stream)
        vedette = {"sensor": "lsm", "enforcement": "enforce", "scope": "host", "heartbeat": {"interval": 10_000_000_000},
                   "hooks": {"attached": [], "missing": []}, "policy": {"digest": "d1", "rules": 3}, **more}
        if before[0]:
            vedette["previous"] = {"stream": before[0], "next": before[1], "statement": "@PREVIOUS@", "closed": closed}
        self.own("open", seconds, vedette, host={"os": {"kernel": "6.12.0-test"}})

    def own(self, dataset, seconds, vedette=None, host=None):
        vedette = {"clock": {"sync": "yes", "boot_ns": 1}, **(vedette or {})}
        self.add(dataset, seconds, {"message": "m", "vedette": vedette, "host": host or {}})

    def add(self, dataset, seconds, body):
        body = dict(body)
        body["agent"] = {"id": AGENT, "version": "1"}
        body["host"] = {"name": "host" + HOSTILE, "id": "h", "boot": {"id": "b"}, **body.get("host", {})}
        body["event"] = {"dataset": "vedette." + dataset, "id": f"{self.stream}:{self.next}", "sequence": self.next, **body.get("event", {})}
        body["@timestamp"] = at(seconds)
        self.next += 1
        ns = int((BEGIN.timestamp() + seconds) * 1_000_000_000)
        self.lines.append(f"{ns} " + json.dumps(body, separators=(",", ":")))

    def beats(self, first, last):
        for seconds in range(first, last, 10):
            self.own("heartbeat", seconds, {"policy": {"digest": "d1"}})

    def alert(self, seconds, rule, severity=47, done="alert", verdict="none", action="file.open", category="file", kind="access", **more):
        body = {"event": {"action": action, "category": [category], "type": [kind], "severity": severity, "outcome": more.pop("outcome", "unknown")},
                "rule": {"id": rule, "name": "name of " + rule}, "message": "seen", "user": {"id": "1000", "name": "ann", "audit": {"id": "1000"}},
                "process": {"executable": "/bin/cat"}, "vedette": {"action": done, "verdict": verdict, "policy": {"digest": "d1"}}}
        for key, value in more.items():
            body[key] = {**body.get(key, {}), **value} if isinstance(value, dict) else value
        self.add("alert", seconds, body)

    def write(self, name):
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            subprocess.run([BUILD + "/tests/seal_bodies", os.path.join(folder, "key")], input="\n".join(self.lines).encode() + b"\n", stdout=f, check=True)
        return path


log = Log()
log.begin(0, 0)
log.beats(10, 30)
log.alert(31, "hostile" + HOSTILE, 99, process={"executable": "/tmp/" + HOSTILE + TRICKS}, user={"id": "0", "name": HOSTILE}, file={"path": "/var/log/" + HOSTILE},
          message=HOSTILE + TRICKS, threat={"technique": {"id": ["T1070"]}})
log.alert(32, "refused", 73, "block", "block", "process.exec", "process", "start", outcome="failure", file={"path": "/usr/bin/nc"})
log.alert(33, "trial", 47, "would-block", "would_block", "file.create", "file", "creation", file={"path": "/etc/passwd"}, outcome="success")
log.alert(34, "refused", 73, "kill", "kill", "process.exec", "process", "start")
log.alert(35, "module", 21, action="kernel.module_load", category="driver", kind="start")
log.alert(36, "net", 10, action="network.connect", category="network", kind="start", destination={"ip": "192.0.2.1"})
log.alert(37, "agent-tamper", 99, action="agent.tamper", category="intrusion_detection", kind="info")
log.own("loss", 38, {"loss": {"what": "ring", "count": 5, "since": at(30)}})
log.own("loss", 39, {"loss": {"what": "suppress", "count": 3, "since": at(30), "rule": "net"}, "clock": {"sync": "no", "boot_ns": 1}})
log.own("loss", 40, {"loss": {"what": "ring", "count": 2, "since": at(39)}})
log.own("policy", 45, {"policy": {"action": "apply", "name": "web" + HOSTILE, "reason": "asked", "digest": "d2", "rules": 9, "from": "d1", "from_rules": 3, "forced": False,
                                  "confirm": 60_000_000_000, "by": {"uid": 0, "login_uid": 1000, "pid": 77}}})
log.alert(46, "net", 10)
log.own("policy", 50, {"policy": {"action": "rollback", "name": "web", "reason": "timeout", "digest": "d1", "rules": 3, "from": "d2", "from_rules": 9, "forced": False, "blocked": 4}})
log.own("reload", 52, {"policy": {"digest": "d1", "rules": 3}, "reload": {"errors": ["rules/a.yaml:1:1: no"]}, "hooks": {"missing": []}})
log.own("key-roll-told", 53)  # a kind of record that this program does not know
log.beats(60, 100)
log.own("close", 100, {"close": {"reason": "stopped"}})
log.begin(1, 160, True, hooks={"attached": [], "missing": ["bpf"]}, enforcement="detect")
log.beats(170, 200)
log.beats(300, 330)  # 110 seconds of silence before
path = log.write("a.jsonl")
KEY = os.path.join(folder, "key")


def report(*arguments, paths=None):
    done = subprocess.run([VEDETTE, "audit", "report", "--key", KEY, *arguments, *(paths or [path])], capture_output=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def asked(first, last):
    return ["--from", at(first), "--to", at(last)]


with open("schemas/audit.schema.json", encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)


def report_json(*arguments, paths=None):
    status, out, error = report("--json", *arguments, paths=paths)
    document = json.loads(out)
    errors = [e.message for e in validator.iter_errors(document)]
    if errors:
        tap(False, "the document fits its schema: " + " ".join(arguments), errors[0])
    return status, document


# --- the whole time: -10 s to 400 s ---------------------------------------------------------------------------------------------------------------------
status, whole = report_json(*asked(-10, 400))
tap(status == 1 and whole["verified"] and whole["result"] == "verified, with gaps or losses", "a log with gaps and losses: status 1", status)
one = whole["logs"][0]
coverage = one["coverage"]
S = 1_000_000_000
wanted = {"asked_ns": 410 * S, "before_ns": 10 * S, "stopped_ns": 60 * S, "silence_ns": 110 * S, "after_ns": 80 * S, "unclean_ns": 0, "covered_ns": 150 * S,
          "percent_e4": 150 * 1000000 // 410, "clock_set_back": 0}
tap(coverage == wanted, "the account of the time, to the nanosecond", coverage)
tap([(g["cause"], g["within_ns"] // S) for g in one["gaps"]] == [("before", 10), ("stopped", 60), ("silence", 110), ("after", 80)], "gaps with cause and duration", one["gaps"])
tap(one["unexplained_gaps"] == 3 and one["state"] == "open-ended" and one["accepted"], "a stop is explained, a silence is not", one["unexplained_gaps"])
tap([(l["what"], l["count"], l["records"], l["held_back"]) for l in one["losses"]] == [("ring", 7, 2, False), ("suppress", 3, 1, True)], "losses by kind", one["losses"])
alerts = whole["alerts"]
tap((alerts["count"], alerts["blocked"], alerts["killed"], alerts["would_block"]) == (8, 2, 1, 1), "alerts and blocks", alerts)
tap(alerts["by_severity"] == {"critical": 2, "high": 2, "info": 2, "low": 1, "medium": 1}, "alerts by severity", alerts["by_severity"])
tap({r["id"]: (r["alerts"], r["blocked"]) for r in alerts["rules"]}["refused"] == (2, 2), "alerts by rule", alerts["rules"])
streams = [(s["kernel"], s["sensor"], s["mode"], s["closed"], s.get("hooks_missing")) for s in one["streams"]]
tap(streams == [("6.12.0-test", "lsm", "enforce", True, None), ("6.12.0-test", "lsm", "detect", False, "bpf")], "streams with kernel, sensor and mode", streams)
policy = [(p["how"], p["digest"], p.get("by"), p["alerts"], p.get("confirm_ns"), p.get("blocked_on_trial"), bool(p.get("errors")), p["mode"]) for p in one["policy"]]
tap(policy == [("start", "d1", None, 7, None, None, False, "enforce"), ("apply", "d2", "uid 0, login uid 1000, pid 77", 1, 60 * S, None, False, "enforce"),
               ("rollback", "d1", None, 0, None, 4, False, "enforce"), ("reload", "d1", None, 0, None, None, True, "enforce"),
               ("start", "d1", None, 0, None, None, False, "detect")], "rules in force: who, how, and what they did", policy)
tap(all(p.get("to") == q["from"] for p, q in zip(one["policy"], one["policy"][1:])), "one period follows the other")
tap(one["clock"] == {"no": 1, "unknown": 0, "yes": 21}, "what the kernel said of its clock", one["clock"])
tap(len(one["keys"]) == 1 and one["keys"][0]["epoch"] == 0, "the key that signed", one["keys"])

# --- requirements -----------------------------------------------------------------------------------------------------------------------------------------
numbers = {(r["standard"], r["number"]) for r in whole["requirements"]}
needed = {("pci-dss", n) for n in ["10.2.1"] + [f"10.2.1.{i}" for i in range(1, 8)] + ["10.2.2", "10.3.1", "10.3.2", "10.3.3", "10.3.4", "10.5.1", "10.7.2", "10.7.3", "11.5.1", "11.5.2"]}
needed |= {("nist-800-53", n) for n in ["AU-2", "AU-3", "AU-5", "AU-6", "AU-8", "AU-9", "AU-10", "AU-11", "AU-12", "SI-3", "SI-4", "SI-7"]}
tap(needed <= numbers and len(numbers) == len(whole["requirements"]), "each requirement has one section", needed - numbers)
tap(all(r["not_shown"] and (r["facts"] or r["shown"]) for r in whole["requirements"]), "each says what is shown and what is not")
shown = {s["what"]: s for r in whole["requirements"] for s in r["shown"]}
empty = {what for what, s in shown.items() if not s["count"]}
tap(empty == {"changes of the signing key"}, "each kind of record is found where there are some, and none is made up", empty)
counts = {"alerts": 8, "alerts of severity high and critical": 4, "acts with the powers of root": 1, "acts that failed, or were refused": 2, "losses": 3,
          "acts on logs, and on the files of Vedette": 2, "acts on accounts and credentials": 1, "acts on the network": 1, "acts that were blocked, or ended": 2,
          "files made, changed or taken away": 1, "attempts on Vedette itself": 1, "changes of the rules in force": 3, "starts and ends of this log itself": 3}
tap(all(shown[what]["count"] == n for what, n in counts.items()), "as many as there are", {what: shown[what]["count"] for what in counts})
with open(path, "rb") as f:
    lines = f.read().split(b"\n")
samples = [s for r in whole["requirements"] for x in r["shown"] for s in x["samples"]]
tap(samples and all(json.loads(lines[s["line"] - 1])["event"]["id"] == s["id"] and s["file"] == path for s in samples), "a sample's place in the log is where it stands")
content = next(f for r in whole["requirements"] if r["number"] == "AU-3" for f in r["facts"])
tap("8 of 8 (100.0000 %) who" in content and "2 of 8 (25.0000 %) how it ended" in content, "what records of acts tell is counted", content)

# --- a part of the time -------------------------------------------------------------------------------------------------------------------------------------
status, part = report_json(*asked(60, 90))
tap(status == 0 and part["logs"][0]["coverage"]["percent_e4"] == 1000000 and part["alerts"]["count"] == 0, "a time without gaps and losses: status 0, all covered", part["logs"][0])
tap([p["digest"] for p in part["logs"][0]["policy"]] == ["d1"] and len(part["logs"][0]["streams"]) == 1, "and only what was in force then", part["logs"][0]["policy"])
tap(part["logs"][0]["streams"][0]["goes_on"] and not one["streams"][0]["goes_on"], "a stream that goes on behind that time is not told as broken off")
status, part = report_json(*asked(110, 150))
tap(status == 0 and part["logs"][0]["coverage"]["covered_ns"] == 0 and part["logs"][0]["coverage"]["stopped_ns"] == 40 * S, "a time within a stop: nothing is covered", part["logs"][0])
status, part = report_json(*asked(1000, 2000))
tap(status == 1 and part["logs"][0]["coverage"]["covered_ns"] == 0 and part["logs"][0]["in_time"] == 0, "a time behind the log: nothing is covered")

# --- other ends, other agents -------------------------------------------------------------------------------------------------------------------------------
killed = Log()
killed.begin(0, 0)
killed.beats(10, 30)
killed.begin(1, 50, False, scope="sh")
killed.beats(60, 80)
killed.own("close", 80, {"close": {"reason": "stopped"}})
status, part = report_json(*asked(0, 80), paths=[killed.write("killed.jsonl")])
one = part["logs"][0]
tap(status == 1 and one["coverage"]["unclean_ns"] == 30 * S and one["coverage"]["covered_ns"] == 50 * S and [g["cause"] for g in one["gaps"]] == ["unclean end"],
    "an agent that was killed: the time until it was there again is not covered", one)
fact = next(f for r in part["requirements"] if r["number"] == "AU-12" for f in r["facts"])
tap("In 1 of 2 streams not the whole host was watched" in fact, "what watched one command is not told as watching the host", fact)
turned = Log()
turned.begin(0, 100)
turned.beats(110, 140)
turned.own("close", 140, {"close": {"reason": "stopped"}})
turned.begin(1, 120, True)
turned.beats(130, 170)
turned.own("close", 170, {"close": {"reason": "stopped"}})
status, part = report_json(*asked(100, 170), paths=[turned.write("turned.jsonl")])
one = part["logs"][0]["coverage"]
tap(one["clock_set_back"] == 1 and one["covered_ns"] == one["asked_ns"] == 70 * S, "a clock that was set back: time is counted once, and it is told", one)
samples_folder = os.path.join(folder, "samples")
os.mkdir(samples_folder)
subprocess.run([BUILD + "/tests/log_samples", samples_folder], check=True)
with open(KEY, "a", encoding="ascii") as keys, open(os.path.join(samples_folder, "other-stream.key"), encoding="ascii") as other:
    keys.write(other.read())
status, part = report_json(*asked(-10, 400), paths=[path, os.path.join(samples_folder, "other-stream.sample")])
tap(status == 1 and len(part["logs"]) == 2 and {log["agent"][-2:] for log in part["logs"]} == {"aa", "01"} and part["alerts"]["count"] == 8, "logs of two agents: each has its own account", len(part["logs"]))

# --- tampering --------------------------------------------------------------------------------------------------------------------------------------------
changed = os.path.join(folder, "changed.jsonl")
with open(changed, "wb") as f:
    f.write(b"\n".join(lines[:5] + [lines[5].replace(b"block", b"allow")] + lines[6:]))
for name, broken in [("edited", changed)] + [(what, os.path.join(folder, what)) for what in ("cut", "empty", "none")]:
    if name == "cut":
        with open(broken, "wb") as f:
            f.write(b"\n".join(lines[:3] + lines[4:]))
    elif name == "empty":
        open(broken, "wb").close()
    elif name == "none":
        with open(broken, "wb") as f:
            f.write(b"hello\n")
    status, document = report_json(*asked(-10, 400), paths=[broken])
    tap(status == 3 and not document["verified"] and document["logs"][0]["state"] == "bad" and document["alerts"]["count"] <= 2, f"a log that is {name}: status 3", document["logs"][0])
    first = report(*asked(-10, 400), paths=[broken])[1].split("\n")[1]
    page = report("--html", *asked(-10, 400), paths=[broken])[1]
    tap(all("did not verify" in g["what"] for g in document["logs"][0]["gaps"] if g["cause"] == "after"), "what follows is told as not verified")
    tap("NOT BUILT ON A VERIFIED LOG" in first and "NOT BUILT ON A VERIFIED LOG" in page[:2500], "and it stands at the top", first)
status, out, error = report(*asked(-10, 400), "--complete")
tap(status == 3, "an open-ended log with --complete: status 3", status)
status, document = report_json(*asked(-10, 400), paths=[path, changed])
tap(status == 3, "twice the same log, one of them edited", status)

# --- hostile texts ------------------------------------------------------------------------------------------------------------------------------------------
status, page, error = report("--html", *asked(-10, 400))


class Page(html.parser.HTMLParser):
    tags, attributes, text, open = set(), set(), [], []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.tags.add("unbalanced " + tag)

    def handle_data(self, data):
        self.text.append(data)


seen = Page()
seen.feed(page)
tap(status == 1 and seen.tags == {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "table", "tr", "th", "td"}, "no text becomes markup", seen.tags)
tap(seen.attributes == {"lang", "charset", "http-equiv", "content"} and not seen.open, "nor an attribute, and each element is closed", seen.attributes)
tap(any(HOSTILE[:40] in text for text in seen.text), "it stands there as it is")
tap("url(" not in page and "//" not in page.replace(folder, ""), "nothing refers to elsewhere")
text = report(*asked(-10, 400))[1]
for what, out in [("text", text), ("HTML", page), ("JSON", json.dumps(whole, ensure_ascii=False))]:
    bad = {c for c in out if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0 or c in "\u202e\u200b\ufeff\u2066"}
    tap(not bad and "x1b[2J" in out, f"{what}: no control character, and none that turns the direction of text", bad)
tap("410.000 s asked - 10.000 s (the log begins later) - 60.000 s" in text and "= 150.000 s covered, 36.5853 %" in text, "the arithmetic is shown")

# --- files and options --------------------------------------------------------------------------------------------------------------------------------------
for form, option in [("text", []), ("html", ["--html"]), ("json", ["--json"])]:
    target = os.path.join(folder, "report." + form)
    first = report(*asked(-10, 400), *option, "--output", target)[0]
    again = report(*asked(60, 90), *option, "--output", target)[0]
    tap(os.stat(target).st_mode & 0o777 == 0o600, f"a report as {form} is its owner's alone", os.stat(target))
    tap((first, again) == (1, 0) and os.path.getsize(target) > 1000, f"--output writes a report as {form}, and over an earlier one", (first, again))
before = open(path, "rb").read()
status, out, error = report(*asked(-10, 400), "--output", path)
tap(status == 3 and open(path, "rb").read() == before, "--output writes over no other file", error)
status, out, error = report(*asked(-10, 400), "--output", os.path.join(folder, "no", "report"))
tap(status == 3 and "no/report" in error, "a folder that is not there", error)
for what, arguments in [("no time", []), ("half a time", ["--from", "2026-01-01"]), ("a time that is none", ["--from", "soon", "--to", "2026-01-01"]),
                        ("a time that ends before it begins", ["--from", "2026-01-02", "--to", "2026-01-01"]), ("two forms", [*asked(0, 1), "--json", "--html"])]:
    tap(report(*arguments)[0] == 2, "wrong use: " + what)
done = subprocess.run([VEDETTE, "audit", "report", *asked(0, 1), path], capture_output=True)
tap(done.returncode == 2 and b"--key is missing" in done.stderr, "wrong use: no key")
done = subprocess.run([VEDETTE, "audit", "report", "--key", KEY, *asked(0, 1), os.path.join(folder, "missing")], capture_output=True)
tap(done.returncode == 3, "a log that is not there: status 3", done.stderr)
tap(report(*asked(-10, 400), paths=["-"])[0] == 3, "standard input that is empty")

# --- receipts -----------------------------------------------------------------------------------------------------------------------------------------------
collector = os.path.join(folder, "collector")
public = subprocess.run([VEDETTE, "receipt", "init", "--name", "c", "--collector", collector], capture_output=True, check=True).stdout
receipt = subprocess.run([VEDETTE, "receipt", "make", "--collector", collector, "--key", KEY, path], capture_output=True, check=True).stdout
for name, data in [("public", public), ("receipt", receipt)]:
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)
with_receipt = ["--receipt", os.path.join(folder, "receipt"), "--receipt-key", os.path.join(folder, "public")]
status, document = report_json(*asked(-10, 400), *with_receipt)
tap(status == 1 and "reached" in document["receipts"], "a receipt that is reached", document["receipts"])
short = os.path.join(folder, "short")
with open(short, "wb") as f:
    f.write(b"\n".join(lines[:-3]) + b"\n")
status, document = report_json(*asked(-10, 400), *with_receipt, paths=[short])
tap(status == 3 and "truncated" in document["receipts"], "a log that does not reach its receipt: status 3", document["receipts"])

# --- bounds -------------------------------------------------------------------------------------------------------------------------------------------------
many = Log()
many.begin(0, 0)
for i in range(1500):
    many.own("reload", i // 100 + 1, {"policy": {"digest": "d%d" % i, "rules": 1}, "reload": {"from": "x"}})
    many.own("loss", i // 100 + 1, {"loss": {"what": "kind%d" % i, "count": 1, "since": at(0)}})
for i in range(5000):
    many.alert(20, "rule%d" % i)
status, document = report_json(*asked(0, 30), paths=[many.write("many.jsonl")])
one = document["logs"][0]
tap(status == 1 and (len(one["policy"]), one["policy_left_out"]) == (1000, 501), "changes past what is listed are counted", (len(one["policy"]), one["policy_left_out"]))
tap(one["policy"][-1]["digest"] == "d998" and one["policy"][-1]["to"] == at(10), "the last one listed ends where the next began, listed or not", one["policy"][-1])
tap(len(one["losses"]) == 64 and sum(l["count"] for l in one["losses"]) == 1500, "so are kinds of loss", len(one["losses"]))
tap(len(document["alerts"]["rules"]) == 4096 and document["alerts"]["of_other_rules"] == 904, "so are rules", document["alerts"]["of_other_rules"])
