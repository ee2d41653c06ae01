# SPDX-License-Identifier: Apache-2.0
# Asks a daemon's metrics as clients of all sorts, and Prometheus, which scrapes it, for every expression of docs/examples.
# Arguments: the daemon's port, Prometheus' address.
import json
import re
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

PORT, PROMETHEUS = int(sys.argv[1]), sys.argv[2]
failed = 0


def result(is_fine, what, why=""):
    global failed
    print(("ok - " if is_fine else "not ok - ") + what)
    if not is_fine:
        failed = 1
        print("# " + str(why)[:2000].replace("\n", "\n# "))


def get(path, **values):
    with urllib.request.urlopen(f"{PROMETHEUS}{path}?{urllib.parse.urlencode(values)}", timeout=20) as r:
        return json.load(r)


def query(expr):
    try:
        answer = get("/api/v1/query", query=expr)
        return answer["data"]["result"] if answer["status"] == "success" else answer
    except urllib.error.HTTPError as e:
        return {"error": e.read().decode()}


def wait_for(what, seconds, ask):
    end = time.time() + seconds
    while time.time() < end:
        try:
            if ask():
                return True
        except OSError:
            pass
        time.sleep(0.3)
    return False


def exchange(request, shut=False):
    with socket.create_connection(("127.0.0.1", PORT), timeout=20) as s:
        s.sendall(request)
        if shut:
            s.shutdown(socket.SHUT_WR)
        answer = b""
        while part := s.recv(65536):
            answer += part
        return answer


# --- clients of all sorts, while Prometheus starts
for what, request, begins in [
    ("the document", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200 OK\r\n"),
    ("another path", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
    ("another method", b"POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\nab", b"HTTP/1.1 405 "),
    ("a name of others", b"GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n", b"HTTP/1.1 403 "),
    ("no HTTP", b"\x16\x03\x01\x00\n", b"HTTP/1.1 400 "),
    ("another HTTP", b"GET /metrics HTTP/3.0\r\n\r\n", b"HTTP/1.1 505 "),
    ("a head without end", b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 3000, b"HTTP/1.1 431 "),
]:
    try:
        answer = exchange(request)
    except OSError as e:
        answer = str(e).encode()
    result(answer.startswith(begins), f"{what}: {begins.decode().strip()}", answer[:200])
text = exchange(b"GET /metrics HTTP/1.0\r\n\r\n").split(b"\r\n\r\n", 1)
openmetrics = exchange(b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n").split(b"\r\n\r\n", 1)
result(b"text/plain; version=0.0.4" in text[0] and b"# EOF" not in text[1], "Prometheus' text is the form for who says nothing", text[0])
result(b"application/openmetrics-text; version=1.0.0" in openmetrics[0] and openmetrics[1].endswith(b"\n# EOF\n"), "OpenMetrics for who asks for it", openmetrics[0])
result(b"Content-Length: %d\r\n" % len(text[1]) in text[0] + b"\r\n", "the length is true", text[0])
declared = set(re.findall(r"^\| `(vedette_\w+?)(?:_total)?` \|", open("docs/metrics.md").read(), re.M))
shown = set(re.findall(r"^# TYPE (\w+)", openmetrics[1].decode(), re.M))
result(shown <= declared and len(shown) > 40, f"docs/metrics.md has all {len(shown)} that are shown", shown - declared)

# Eight places, held by clients who say nothing: the ninth gets its answer when their time is up, and the watch goes on meanwhile.
idle = [socket.create_connection(("127.0.0.1", PORT), timeout=20) for _ in range(8)]
begin = time.time()
answer = exchange(b"GET /metrics HTTP/1.1\r\n\r\n")
took = time.time() - begin
result(answer.startswith(b"HTTP/1.1 200") and 1 < took < 15, "silent clients are sent away after five seconds", f"{took} s: {answer[:100]}")
before, after = (int(re.search(rb'^vedette_events_delivered_total\{event="file.open"\} (\d+)', t, re.M)[1]) for t in (text[1], answer))
result(after > before + 20, f"and the watch went on meanwhile ({after - before} opens)")
for s in idle:
    s.close()

# --- Prometheus
result(wait_for("scrapes", 60, lambda: len(query('count_over_time(vedette_build_info[5m]) >= 4')) == 1), "Prometheus scrapes it")
result(wait_for("the sink", 20, lambda: query('vedette_sink_up{sink="gone"} == 0 and on() increase(vedette_sink_faults_total{sink="gone"}[1m]) > 0')), "a sink that does not work is seen")
wait_for("what was held back", 20, lambda: query('vedette_alerts_held_total{by="limit"}'))
target = get("/api/v1/targets")["data"]["activeTargets"][0]
result(target["health"] == "up" and not target["lastError"], "the target is up", target)

board = json.load(open("docs/examples/grafana-dashboard.json"))
exprs = [(p["title"], t["expr"]) for p in board["panels"] for t in p["targets"]]
bad = []
for title, expr in exprs:
    asked = expr.replace("$__rate_interval", "30s").replace("$instance", ".*")
    got = query(asked)
    if not isinstance(got, list) or not got or "$" in asked:
        bad.append(f"{title}: {asked}: {got}")
result(not bad and len(exprs) > 25, f"each of the {len(exprs)} expressions of the dashboard gives series", "\n".join(bad))
bad = [p["title"] for p in board["panels"] for t in p["targets"] if query(t["expr"].replace("$__rate_interval", "30s").replace("$instance", "no-such-host")) and "time()" not in t["expr"]]
result(not bad, "and none of another host", bad)

rules = [r for g in yaml.safe_load(open("docs/examples/prometheus-alerts.yaml"))["groups"] for r in g["rules"]]
bad = []
for r in rules:
    got = query(r["expr"])
    if not isinstance(got, list):
        bad.append(f"{r['alert']}: {got}")
    for name in set(re.findall(r"\b(?:vedette_\w+|up)\b(?=[{\[ ]|$|\))", r["expr"])) - {"vedette"}:
        if not query(name):
            bad.append(f"{r['alert']}: no series {name}")
result(not bad and len(rules) > 15, f"each of the {len(rules)} alert rules is evaluated, of series that are there", "\n".join(bad))
states = {r["name"]: r for g in get("/api/v1/rules")["data"]["groups"] for r in g["rules"]}
bad = [r["name"] for r in states.values() if r["health"] != "ok"]
result(len(states) == len(rules) and not bad, "Prometheus itself evaluates them", bad)
active = {name for name, r in states.items() if r["state"] in ("firing", "pending")}
wanted = {"VedetteSevereAlerts", "VedetteSinkDown", "VedetteHoldsBackAlerts"}
calm = {"VedetteDown", "VedetteCanaryFailed", "VedetteLogStands", "VedetteLogFull", "VedettePolicyWaits", "VedetteSinkLoses", "VedetteProtectionFailed"}
result(wanted <= active and not calm & active, "of a loud rule, a dead sink and a limit alerts come, and none of what is well", sorted(active))
same = query('sum(vedette_events_produced_total) - sum(vedette_events_delivered_total) - sum(vedette_events_lost_total)')
result(isinstance(same, list) and abs(float(same[0]["value"][1])) < 1000, "produced = delivered + lost, but for what is under way", same)
sys.exit(failed)
