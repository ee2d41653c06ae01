# SPDX-License-Identifier: Apache-2.0
# Sinks over HTTP against a receiver that behaves badly: webhook.py CARRY. Prints TAP. What arrives is checked by docs/verify_log.py.
import base64, hashlib, json, os, signal, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from http_receiver import Certificates, Close, Place, Proxy, Receiver, date_in, is_signed

carry, folder = sys.argv[1], tempfile.mkdtemp(prefix="vedette-webhook-")
failed = 0


def check(holds, what, *why):
    global failed
    failed += not holds
    print(("ok - " if holds else "not ok - ") + what)
    if not holds:
        print("# " + repr(why)[:600])


def good(_count, _request):
    return 200, {}, b""


def first(times, action):
    """The first requests get another answer."""
    return lambda count, request: action(count, request) if count <= times else (200, {}, b"")


def secret_file(name, text, mode=0o600):
    path = f"{folder}/{name}"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
        f.write(text + "\n")
    os.chmod(path, mode)
    return path


class Run:
    """One log, carried by sinks that are given as text: {name: keys of its mapping}."""

    def __init__(self, name, sinks):
        self.folder = f"{folder}/{name}"
        os.mkdir(self.folder)
        self.config = f"{self.folder}/c.yaml"
        with open(self.config, "w") as f:
            f.write(f"rules: [r]\nagent: {{folder: /a}}\nwal: {{folder: {self.folder}/wal}}\nsinks:\n")
            for sink, keys in sinks.items():
                f.write(f"  - {{name: {sink}, retry: {{least: 20ms, most: 3s}}, {keys}}}\n")

    def command(self, count, seconds, rate=0):
        return [carry, self.config, self.folder, str(count), str(seconds), str(rate)]

    def status(self, out):
        return {s["name"]: s for s in map(json.loads, out.splitlines())}

    def go(self, count, seconds=20, rate=0):
        done = subprocess.run(self.command(count, seconds, rate), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds + 60)
        self.stderr = done.stderr.decode()
        if done.returncode and done.stdout:
            check(False, "it ends well", self.stderr[-500:])
        return self.status(done.stdout)

    def log(self):
        with open(f"{self.folder}/log", "rb") as f:
            return f.read()

    def verifies(self, text):
        with open(f"{self.folder}/arrived", "wb") as f:
            f.write(text)
        return subprocess.run(["/usr/bin/python3", "docs/verify_log.py", "--complete", f"{self.folder}/keys", f"{self.folder}/arrived"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).returncode == 0


def text_of(place):
    return b"".join(r.body for r in place.taken())


certificates = Certificates(folder).make("server").make("client").make("elsewhere", "DNS:elsewhere.example")
others = Certificates(folder, "other-ca").make("stranger")
hmac_secret, seed = b"k" * 32, b"s" * 32
hmac_file = secret_file("hmac", "whsec_" + base64.b64encode(hmac_secret).decode())
ed_file = secret_file("ed", "whsk_" + base64.b64encode(seed).decode())
token_file, basic_file = secret_file("token", "tok-en-123"), secret_file("basic", "user:pass word")
tls = f"tls: {{ca: {certificates.path('ca')}}}, allow_private: true"

# --- receivers that misbehave, all at once: none holds up another ----------------------------------------------------------------------------
RECORDS, POISON = 150, b"alert 77:"


def hangs(_count, _request):
    time.sleep(3)
    raise Close


def closes(_count, _request):
    raise Close


def bytewise(_count, _request):
    def parts():
        for _ in range(30):
            time.sleep(1)
            yield b"x"
    return 200, {}, parts()


def huge(_count, _request):
    return 200, {}, (b"x" * 65536 for _ in range(10000))


def poisoned(_count, request):
    return (400, {}, b"bad record") if POISON in request.body else (200, {}, b"")


def guarded(_count, request):
    return (403, {}, b"blocked") if POISON in request.body else (200, {}, b"")


def narrow(_count, request):
    return (500, {}, b"too much") if len(request.lines()) > 10 else (200, {}, b"")


def bulk(count, request):
    """The first request: from the sixth record on it is too much; one record never fits."""
    pairs, items = request.lines(), []
    for i in range(0, len(pairs), 2):
        status = 429 if count == 1 and i >= 10 else 409 if count == 2 and i == 0 else 400 if POISON in pairs[i + 1] else 201
        items.append({"create": {"_id": json.loads(pairs[i])["create"]["_id"], "status": status, "error": {"type": "t", "reason": "why not"}}})
    return 200, {"Content-Type": "application/json"}, json.dumps({"took": 1, "errors": True, "items": items}).encode()


def wordy(_count, request):
    """Half a mebibyte of reasons for each record: of two it is more than is read."""
    pairs, items = request.lines(), []
    for i in range(0, len(pairs), 2):
        record = json.loads(pairs[i])["create"]["_id"]
        items.append({"create": {"_id": record, "status": 409 if record in wordy.known else 201, "took": "x" * 600000}})
        wordy.known.add(record)
        wordy.stored.append(pairs[i + 1])
    return 200, {}, json.dumps({"items": items}).encode()


wordy.known, wordy.stored = set(), []


def splunk(count, _request):
    return (503, {}, b'{"text":"Server is busy","code":9}') if count == 1 else (200, {}, b'{"text":"Success","code":0}')


def otlp(count, _request):
    return 200, {}, b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"two were bad"}}' if count == 1 else b"{}"


proxy = Proxy()
target = Place(good)
places = {
    "good": Place(good), "signed": Place(good), "seconds": Place(first(1, lambda c, r: (429, {"Retry-After": "1"}, b"slow"))),
    "date": Place(first(1, lambda c, r: (429, {"Retry-After": date_in(2)}, b"slow"))),
    "fails": Place(first(3, lambda c, r: (500, {}, b"oops"))), "poisoned": Place(poisoned),
    "moved": Place(first(1, lambda c, r: (302, {"Location": server.url + "/target"}, b""))), "hangs": Place(first(1, hangs)),
    "closes": Place(first(2, closes)), "bytewise": Place(first(1, bytewise)), "huge": Place(first(1, huge)), "proxied": Place(good),
    "elasticsearch": Place(bulk), "splunk": Place(splunk), "loki": Place(lambda c, r: (204, {}, b"")), "otlp": Place(otlp),
}
server = Receiver(certificates, "server", {"/" + name: place for name, place in places.items()} | {"/target": target})
more = {
    "signed": f"gzip: true, sign: {{hmac: {hmac_file}, ed25519: {ed_file}}}, auth: {{token: {token_file}}}, headers: ['X-Team: blue']",
    "hangs": "timeout: 700ms", "bytewise": "timeout: 700ms", "proxied": f"proxy: 'http://127.0.0.1:{proxy.port}', auth: {{basic: {basic_file}}}",
    "elasticsearch": "template: elasticsearch", "splunk": f"template: splunk, auth: {{token: {token_file}}}", "loki": "template: loki",
    "fails": "batch: {count: 7}",
}
run = Run("bad", {name: ("type: otlp" if name == "otlp" else "type: webhook") + f", url: '{server.url}/{name}', {tls}" +
                  (", " + more[name] if name in more else "") for name in places})
status = run.go(RECORDS)
log = run.log()
if not status:
    check(False, "sinks run", run.stderr)
    sys.exit(1)
for name in ("good", "signed", "seconds", "date", "fails", "moved", "proxied", "huge"):
    check(text_of(places[name]) == log and run.verifies(text_of(places[name])) and status[name]["lines"] == RECORDS, f"{name}: all arrived once, in order, and verifies", status[name])
for name in ("hangs", "closes", "bytewise"):  # what it read without an answer comes again, and was counted by it or not
    arrived = b"".join(r.body for r in places[name].requests)
    whole = b"".join(sorted(set(arrived.splitlines(keepends=True)), key=lambda l: json.loads(l)["event"]["sequence"]))
    check(whole == log and run.verifies(whole) and status[name]["state"] == "good", f"{name}: all arrived, and verifies", status[name])
check(all(is_signed(r, hmac_secret, __import__("nacl.signing").signing.SigningKey(seed).verify_key.encode()) for r in places["signed"].requests),
      "requests are signed, v1 and v1a, over what is sent")
check(all(r.headers["Authorization"] == "Bearer tok-en-123" and r.headers["X-Team"] == "blue" for r in places["signed"].requests), "token and headers are sent")
for name, least in (("seconds", 1), ("date", 0.9)):
    a, b = places[name].requests[:2]
    check(b.at - a.at >= least, f"Retry-After as {name} is kept", b.at - a.at)
    check(a.headers["webhook-id"] == b.headers["webhook-id"] and a.raw == b.raw, f"{name}: the same request comes again, under the same id")
check(all(len(r.lines()) <= 7 for r in places["fails"].requests) and status["fails"]["faults"] == 3, "batches are as long as they may be, faults are counted", status["fails"])
check(not target.requests and "redirects are not followed" in status["moved"]["error"], "a redirect is not followed, and told", status["moved"])
check("imed out" in status["hangs"]["error"] and "imed out" in status["bytewise"]["error"], "a receiver that hangs, or dribbles, is timed out", status["hangs"])
check(text_of(places["poisoned"]) == b"".join(l for l in log.splitlines(True) if POISON not in l) and status["poisoned"]["refused"] == 1 and
      status["poisoned"]["lines"] == RECORDS - 1, "one record that is refused takes no other with it, and is counted", status["poisoned"])
check(all(r.headers["Authorization"] == "Basic " + base64.b64encode(b"user:pass word").decode() for r in places["proxied"].requests) and
      proxy.asked and b"Authorization" not in b"".join(proxy.asked), "a proxy is used, and gets no password of ours")

records = [json.loads(line) for line in log.splitlines()]
ids = ["%s:%s" % (json.loads(l)["event"]["id"], hashlib.sha256(l).hexdigest()[:32]) for l in log.splitlines()]
es = places["elasticsearch"]
stored = {}
for r in es.requests:
    for i, item in enumerate(json.loads(bulk(es.requests.index(r) + 1, r)[2])["items"]):
        if item["create"]["status"] == 201:
            stored[item["create"]["_id"]] = r.lines()[2 * i + 1]
check(set(ids) - set(stored) <= {ids[77], ids[5]} and ids[77] not in stored and status["elasticsearch"]["refused"] == 1 and status["elasticsearch"]["faults"] == 1 and
      all(stored[i] == l for i, l in zip(ids, log.splitlines(True)) if i in stored), "elasticsearch: items are judged one by one", status["elasticsearch"])
check([e for r in places["splunk"].taken() for e in (json.loads(l)["event"] for l in r.body.splitlines())] == log.decode().splitlines() and
      places["splunk"].requests[0].headers["Authorization"] == "Splunk tok-en-123", "splunk: events are the signed lines")
values = [v for r in places["loki"].taken() for s in json.loads(r.body)["streams"] for v in s["values"]]
check([v[1] for v in values] == log.decode().splitlines() and all(v[0].isdigit() and len(v[0]) == 19 for v in values), "loki: values are the signed lines")
otlp_records = [x for r in places["otlp"].taken() for x in json.loads(r.body)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]]
check([x["body"]["stringValue"] for x in otlp_records] == log.decode().splitlines() and status["otlp"]["refused"] == 2 and status["otlp"]["error"] == "two were bad" and
      all(x["severityNumber"] in (9, 10, 13, 17, 21) for x in otlp_records), "otlp: bodies are the signed lines, a partial success is read", status["otlp"])

# --- one record that something on the way does not like, and a receiver that takes few at once ----------------------------------------------------
places = {"guarded": Place(guarded), "narrow": Place(narrow), "wordy": Place(wordy)}
server.places |= {"/" + name: place for name, place in places.items()}
run = Run("stubborn", {name: f"type: webhook, url: '{server.url}/{name}', {tls}" + (", template: elasticsearch, batch: {count: 8}" if name == "wordy" else "") for name in places})
status, log = run.go(RECORDS, 30), run.log()
check(set(text_of(places["guarded"]).splitlines(True)) == {l for l in log.splitlines(True) if POISON not in l} and status["guarded"]["refused"] == 1 and
      status["guarded"]["lines"] == RECORDS - 1 and status["guarded"]["state"] == "good", "one record that is answered 403 for ever is set aside, and counted", status["guarded"])
check(b"".join(dict.fromkeys(wordy.stored)) == log and status["wordy"]["lines"] == RECORDS and status["wordy"]["faults"] == 0 and status["wordy"]["refused"] == 0,
      "elasticsearch: an answer that is too long to be read is asked for in parts", status["wordy"])
check(text_of(places["narrow"]) == log and status["narrow"]["lines"] == RECORDS and status["narrow"]["faults"] < 20, "a receiver that takes few at once gets few", status["narrow"])

# --- certificates, addresses, people, and who wants no more -------------------------------------------------------------------------------------
strict = Receiver(certificates, "server", {"/": Place(good)}, client_ca=certificates.path("ca"))
strict_2 = Receiver(certificates, "server", {"/": Place(good)}, client_ca=certificates.path("ca"))
stranger, misnamed = Receiver(others, "stranger", {"/": Place(good)}), Receiver(certificates, "elsewhere", {"/": Place(good)})
plain = Receiver(None, "", {"/": Place(good)})
private = Receiver(certificates, "server", {"/": Place(good)})
gone = Place(first(1, lambda c, r: (410, {}, b"")))
chat = {name: Place(good) for name in ("slack", "teams")} | {"pagerduty": Place(lambda c, r: (202, {}, b'{"status":"success"}'))}
server.places |= {"/" + name: place for name, place in chat.items()} | {"/gone": gone, "/wrong": Place(lambda c, r: (400, {}, b"incorrect index")), "/stuck": Place(lambda c, r: (time.sleep(60), closes(c, r)))}
client = f"tls: {{ca: {certificates.path('ca')}, cert: {certificates.path('client')}, key: {certificates.path('client', 'key')}}}, allow_private: true"
url_file = secret_file("url", f"{server.url}/slack")
run = Run("strict", {
    "client": f"type: webhook, url: '{strict.url}/', {client}", "noclient": f"type: webhook, url: '{strict_2.url}/', {tls}",
    "stranger": f"type: webhook, url: '{stranger.url}/', {tls}", "misnamed": f"type: webhook, url: '{misnamed.url}/', {tls}",
    "private": f"type: webhook, url: '{private.url}/', tls: {{ca: {certificates.path('ca')}}}",
    "plain": f"type: webhook, url: '{plain.url}/', allow_private: true",
    "gone": f"type: webhook, url: '{server.url}/gone', {tls}", "wrong": f"type: webhook, url: '{server.url}/wrong', {tls}",
    "stuck": f"type: webhook, url: '{server.url}/stuck', {tls}, timeout: 10m",
    "slack": f"type: webhook, url_file: {url_file}, {tls}, template: slack, filter: {{own: false, severity: high}}",
    "teams": f"type: webhook, url: '{server.url}/teams', {tls}, template: teams, filter: {{own: false, severity: critical}}",
    "pagerduty": f"type: webhook, url: '{server.url}/pagerduty', {tls}, template: pagerduty, auth: {{token: {token_file}}}, filter: {{own: false, severity: critical}}",
})
process = subprocess.Popen(run.command(40, 3), stdout=subprocess.PIPE)
until = time.monotonic() + 10
while not gone.requests and time.monotonic() < until:
    time.sleep(0.02)
time.sleep(0.5)
check(len(gone.requests) == 1, "410: nothing more is sent", len(gone.requests))
time.sleep(0.5)
process.send_signal(signal.SIGHUP)
began = time.monotonic()
status = run.status(process.communicate(timeout=60)[0])
check(time.monotonic() - began < 20, "a request under way does not hold up the end", time.monotonic() - began)
log = run.log()
check(text_of(gone) == log and status["gone"]["state"] == "good", "410: after SIGHUP it is asked again, and nothing is missing", status["gone"])
check(status["wrong"]["refused"] <= 20 and status["wrong"]["lag"] > 0 and status["wrong"]["state"] != "good" and "incorrect index" in status["wrong"]["error"],
      "who refuses everything gets no more, the rest is kept, and it is told", status["wrong"])
for name, receiver in (("client", strict), ("plain", plain)):
    check(text_of(receiver.places["/"]) == log and status[name]["lines"] == 40, f"{name}: all arrived", status[name])
for name, receiver, word in (("noclient", strict_2, ""), ("stranger", stranger, "certificate"), ("misnamed", misnamed, "127.0.0.1"), ("private", private, "allow_private")):
    check(not receiver.places["/"].requests and status[name]["lines"] == 0 and status[name]["lag"] > 0 and word in status[name]["error"] and status[name]["error"],
          f"{name}: nothing is sent, nothing is lost, and it is told", status[name])
alerts = [r for r in map(json.loads, log.splitlines()) if r["event"]["dataset"] == "vedette.alert"]
high, critical = ([r for r in alerts if r["event"]["severity"] >= least] for least in (73, 99))
said = "\n".join(json.loads(r.body)["text"] for r in chat["slack"].taken())
check(said.count("high: ") + said.count("critical: ") == len(high) and all(json.loads(r.body)["mrkdwn"] is False for r in chat["slack"].taken()) and "&lt;nc&gt; &amp; \"others\"" in said and "<" not in said, "slack: a line for each alert, nothing it would read as a sign of its own", said)
cards = [b["inlines"][0]["text"] for r in chat["teams"].taken() for b in json.loads(r.body)["attachments"][0]["content"]["body"]]
check(cards[1::2] == [r["message"] for r in critical] and all("critical: shadow-file-read (test)" == c for c in cards[::2]), "teams: a card with all alerts", cards)
pages = [json.loads(r.body) for r in chat["pagerduty"].taken()]
check([p["payload"]["summary"] for p in pages] == [r["message"] for r in critical] and len({p["dedup_key"] for p in pages}) == len(critical) and
      all(p["routing_key"] == "tok-en-123" and p["payload"]["severity"] == "critical" for p in pages), "pagerduty: an incident for each alert", pages)

# --- receivers that say what they were told: nothing secret of it is for a status -------------------------------------------------------------------------
long_token, hidden = secret_file("long", "s3cr/et-token-0123456789abcdef"), "T0AAAA/B0BBBB/0123456789abcdefghij"
answers = {
    "path": (404, b'{"timestamp":"now","status":404,"error":"Not Found","path":"/services/%s"}' % hidden.encode()),
    "escaped": (403, b'{"error":"no rights for s3cr\\/et-token-0123456789abcdef"}'), "part": (403, b"unknown key s3cr/et-tok..."),
    "password": (401, b"user, pass word is not yours"), "plain": (403, b"not today"),
}
server.places |= {"/echo/" + name: Place(lambda c, r, a=a: (a[0], {}, a[1])) for name, a in answers.items()} | {"/services/" + hidden: Place(lambda c, r: (404, {}, answers["path"][1]))}
hidden_file = secret_file("hidden", f"{server.url}/services/{hidden}")
keys = {"path": f"url_file: {hidden_file}", "escaped": f"auth: {{token: {long_token}}}", "part": f"auth: {{token: {long_token}}}", "password": f"auth: {{basic: {basic_file}}}",
        "plain": f"auth: {{token: {long_token}}}"}
run = Run("echo", {name: f"type: webhook, {tls}, {key}" + ("" if name == "path" else f", url: '{server.url}/echo/{name}'") for name, key in keys.items()})
status = run.go(1, 1)
for name, (code, _) in answers.items():
    error = status[name]["error"]
    check(f"HTTP {code}" in error and not any(s in error for s in ("B0BBBB", "services", "et-tok", "pass word")) and (name != "plain" or "not today" in error),
          f"{name}: what is told of an answer holds no secret", error)

# --- killed in the middle --------------------------------------------------------------------------------------------------------------------------
slow = Place(lambda c, r: (time.sleep(0.02), (200, {}, b""))[1])
server.places["/slow"] = slow
run = Run("killed", {"slow": f"type: webhook, url: '{server.url}/slow', {tls}, batch: {{count: 5}}"})
process = subprocess.Popen(run.command(400, 20), stdout=subprocess.DEVNULL)
until = time.monotonic() + 10
while (len(slow.requests) < 25 or not os.path.exists(f"{run.folder}/log") or run.log().count(b"\n") < 400) and time.monotonic() < until:
    time.sleep(0.01)
process.kill()
process.wait()
before = len(slow.requests)
status = run.go(0, 20)
lines = [l for r in slow.requests for l in r.lines()]
once = list(dict.fromkeys(lines))
check(before < 80 and b"".join(once) == run.log() and run.verifies(b"".join(once)), "killed in the middle: the next run goes on, nothing is missing, all in order", before, status)
check(len(lines) - len(once) < 200, "and little comes twice", len(lines) - len(once))

# --- what is refused before anything is sent -----------------------------------------------------------------------------------------------------------
open_file, empty = secret_file("open", "x", 0o644), secret_file("empty", "")
locked = certificates.path("locked", "key")
subprocess.run(["openssl", "ec", "-in", certificates.path("client", "key"), "-aes256", "-passout", "pass:x", "-out", locked], check=True, stderr=subprocess.DEVNULL)
open_key = secret_file("open.key", open(certificates.path("client", "key")).read(), 0o644)
ours = f"url: 'https://h/', tls: {{cert: {certificates.path('client')}, key: "
for what, keys, word in (
        ("a token that others may read", f"url: 'https://h/', auth: {{token: {open_file}}}", "others may read"),
        ("an empty token", f"url: 'https://h/', auth: {{token: {empty}}}", "is empty"),
        ("a token that is not there", "url: 'https://h/', auth: {token: /nowhere}", "No such file"),
        ("a secret that is none", f"url: 'https://h/', sign: {{hmac: {token_file}}}", "whsec_"),
        ("a key that is none", f"url: 'https://h/', sign: {{ed25519: {hmac_file}}}", "whsk_"),
        ("a url from a file that is none", f"url_file: {token_file}", "must begin with https://"),
        ("a token that is too long for its header", f"url: 'https://h/', auth: {{token: {secret_file('longest', 'x' * 4090)}}}", "too long for a header"),
        ("a password that is too long for its header", f"url: 'https://h/', auth: {{basic: {secret_file('user', 'u:' + 'x' * 3500)}}}", "too long for a header"),
        ("an authority that is no certificate", f"url: 'https://h/', tls: {{ca: {token_file}}}", "cannot be used as the certificates of authorities"),
        ("a certificate that is none", f"url: 'https://h/', tls: {{cert: {token_file}, key: {certificates.path('client', 'key')}}}", "cannot be used as our certificate"),
        ("a key of another certificate", ours + certificates.path("server", "key") + "}", "mismatch"),
        ("a key that others may read", ours + open_key + "}", "others may read"),
        ("a key with a pass phrase", ours + locked + "}", "cannot be used as the key"),
        ("an address of a cloud's metadata, by a proxy", "url: 'https://169.254.169.254/', proxy: 'http://127.0.0.1:1', allow_private: true", "also by a proxy"),
        ("a private address by a proxy", "url: 'https://[::1]:8443/', proxy: 'http://127.0.0.1:1'", "also by a proxy"),
        ("an authority that is not there", "url: 'https://h/', tls: {ca: /nowhere}", "No such file")):
    run = Run("refused-%d" % abs(hash(what)), {"a": "type: webhook, " + keys})
    check(not run.go(1, 1) and word in run.stderr and "tok-en" not in run.stderr, f"refused at the start: {what}", run.stderr)
run = Run("unreadable", {"a": f"type: webhook, url: 'https://127.0.0.1:1/', {tls}"})
status = run.go(3, 1)
check(status["a"]["lag"] > 0 and "onnect" in status["a"]["error"], "nobody there: it waits, and says so", status)

# --- what anybody can write takes no record's place ------------------------------------------------------------------------------------------------------
forged = b"".join(b'{"event":{"id":"%s"}}\n' % json.loads(l)["event"]["id"].encode() for l in log.splitlines())
once = subprocess.run(["/usr/bin/python3", "docs/unique.py"], input=forged + log + log, stdout=subprocess.PIPE).stdout
check(once == forged + log, "unique.py: a line that has another's id leaves the other where it is")
check(all(i.startswith(json.loads(l)["event"]["id"] + ":") and len(i.rsplit(":", 1)[1]) == 32 for i, l in stored.items()), "elasticsearch: ids cannot be known before the line")
subprocess.run(["rm", "-rf", folder])
sys.exit(failed > 0)
