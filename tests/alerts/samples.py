#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The samples of docs/examples as they stand, the module inside syslog-ng, and the journal: samples.py BUILD ROOT FOLDER, as root of namespaces of its
own (mount, network, process), where /etc, /var/log, /var/lib, /var/spool and /run are folders of the test. TAP on stdout."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.argv[3] = os.path.join(sys.argv[3], "samples")
os.mkdir(sys.argv[3])
import receivers as r  # noqa: E402  (it reads the same arguments)

MODULE = os.path.abspath("build/release/syslog-ng")


def run(*words):
    subprocess.run(words, check=True)


def make_host():
    for name in ("etc", "log", "lib", "spool", "run"):
        os.mkdir(r.at(name))
    for name in ("passwd", "group", "nsswitch.conf", "hosts", "ld.so.cache"):
        if os.path.exists("/etc/" + name):
            shutil.copy("/etc/" + name, r.at("etc"))
    for name in ("etc/vedette", "etc/syslog-ng/conf.d", "etc/systemd", "lib/syslog-ng", "spool/rsyslog", "log/vedette", "run/systemd/journal"):
        os.makedirs(r.at(name))
    for name in ("ca.pem", "receiver.pem", "receiver.key"):
        shutil.copy(r.at(name), r.at("etc/vedette"))
    shutil.copy("docs/examples/syslog-ng-vedette.conf", r.at("etc/syslog-ng/conf.d/vedette.conf"))
    shutil.copy("docs/examples/syslog-ng-center.conf", r.at("etc/syslog-ng/syslog-ng.conf"))
    shutil.copy("docs/examples/rsyslog-vedette.conf", r.at("etc/rsyslog.conf"))
    r.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    r.write("etc/systemd/journald.conf", "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n")
    for name, place in (("etc", "/etc"), ("log", "/var/log"), ("lib", "/var/lib"), ("spool", "/var/spool"), ("run", "/run")):
        run("mount", "--bind", r.at(name), place)
    run("ip", "link", "set", "lo", "up")


LEARNED = "/var/lib/syslog-ng/vedette.keys"


class Sample:
    """A receiver with a sample as it stands."""

    def __init__(self, name, *command):
        self.name, self.command = name, command

    def __enter__(self):
        with open(r.at(self.name + ".out"), "ab") as out:
            self.process = subprocess.Popen(self.command, env=r.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def explain(self):
        return r.read(r.at(self.name + ".out")).decode(errors="replace")[-2000:]


def rsyslog():
    return Sample("rsyslog", r.root + "/usr/sbin/rsyslogd", "-n", "-f", "/etc/rsyslog.conf", "-i", r.at("rsyslog.pid"), "-M",
                  r.root + "/usr/lib/x86_64-linux-gnu/rsyslog")


def syslog_ng():
    return Sample("syslog-ng", r.root + "/usr/sbin/syslog-ng", "-F", "-f", "/etc/syslog-ng/syslog-ng.conf", "-R", r.at("persist"), "-c", r.at("ctl"),
                  "--pidfile", r.at("pid"), "--module-path", MODULE + ":" + r.root + "/usr/lib/syslog-ng/3.38", "--no-caps")


def send(name, alerts=60):
    return r.outcome(r.send(name, [r.sink("center", "address: 'tls:127.0.0.1:6514', " + r.tls(agent="agent"))], alerts, 400))


def host_file(log):
    return "/var/log/vedette/%s.jsonl" % json.loads(log.split(b"\n")[0])["host"]["name"]


def agent_file(lines):
    return "/var/log/vedette/%s.jsonl" % json.loads(lines[0])["agent"]["id"]


def sample_of_rsyslog():
    with rsyslog() as receiver:
        send("plain")
        log = r.read(r.at("plain.log"))
        r.await_length(host_file(log), len(log))
        good, why = r.verify(host_file(log), r.at("plain.pub")) if os.path.exists(host_file(log)) else (False, receiver.explain())
        r.tap(good and r.read(host_file(log)) == log, "the sample of rsyslog brings a log that verifies", why)


def post(lines):
    """Lines of our own, as messages by TLS."""
    text = b"".join(b"%d %s" % (len(m), m) for m in (b"<84>1 - h vedette - - - " + line for line in lines))
    with subprocess.Popen(["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:6514", "-CAfile", r.at("ca.pem"), "-cert", r.at("agent.pem"), "-key",
                           r.at("agent.key")], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
        p.stdin.write(text)
        p.stdin.flush()
        time.sleep(1)
        p.terminate()


def await_lines(path, n):
    until = time.monotonic() + 10
    while r.read(path).count(b"\n") < n and time.monotonic() < until:
        time.sleep(0.05)
    return r.read(path).decode(errors="replace").split("\n")[:-1]


def the_module_verifies():
    # courier names another key after its 400th alert
    for process in [r.send("first", [], 410, 4000), r.send("second", [], 20, 4000)]:
        r.outcome(process)
    first, second = (r.read(r.at(n + ".log")).splitlines() for n in ("first", "second"))
    with open("/etc/vedette/agents.pub", "wb") as keys:
        keys.write(r.read(r.at("first.pub")))
    shutil.rmtree("/var/log/vedette")
    edited = first[5].replace(b"alert 4", b"alert 7")
    assert edited != first[5]
    with syslog_ng() as receiver:
        until = time.monotonic() + 15
        while time.monotonic() < until and subprocess.run(["bash", "-c", "exec 3<> /dev/tcp/127.0.0.1/6514"], stderr=subprocess.DEVNULL).returncode:
            time.sleep(0.1)
        post(first[:5] + [edited] + first[5:8] + first[11:20] + first[15:20] + second[:1] + [b"no record\n{\"verdict\":\"forged\"}"] + first[20:])
        good = await_lines(agent_file(first), len(first) + 2)
        suspect = [json.loads(x) for x in await_lines("/var/log/vedette/suspect.log", 3)]
        holes = [json.loads(x)["missing"] for x in await_lines("/var/log/vedette/holes.log", 1)]
        r.tap(len(good) == len(first) - 3 + 5, "good records come through the module, sent again or not", "%d of %d; %s" % (len(good), len(first) + 2, receiver.explain()))
        told = [(x["agent"], x["host"], x["verdict"], x["order"]) for x in suspect]
        r.tap(told == [("-", "h", x, "-") for x in ("tampered", "unknown-key", "no-record")], "tampered, of an unknown key, no record: each told as such, once", suspect)
        r.tap(holes == ["3"], "missing records are counted", holes)
    learned = [x.split() for x in r.read(LEARNED).splitlines()]
    r.tap([len(x) for x in learned] == [4, 14] and learned[0][2] == b"1", "the key that a record named is kept, and the place of the last one", learned)
    with syslog_ng() as receiver:
        time.sleep(1)
        post(first[-2:])
        good = await_lines(agent_file(first), len(first) + 4)
        r.tap(len(good) == len(first) + 4, "and is known after a new start", "%d; %s" % (len(good), receiver.explain()))
    places_outlast_a_reload(first)


def places_outlast_a_reload(log):
    os.unlink(LEARNED)
    shutil.rmtree("/var/log/vedette")
    with syslog_ng() as receiver:
        time.sleep(1)
        post(log[:5])
        await_lines(agent_file(log), 5)
        receiver.process.send_signal(signal.SIGHUP)
        await_lines(LEARNED, 1)  # the configuration of before ends
        time.sleep(1)
        post(log[7:10])
        await_lines(agent_file(log), 8)
        holes = [json.loads(x)["missing"] for x in await_lines("/var/log/vedette/holes.log", 1)]
        r.tap(holes == ["2"], "what is missing over a reload is counted", "%s; %s" % (holes, receiver.explain()))


def the_journal_takes_records_as_they_are():
    daemon = "/usr/lib/systemd/systemd-journald" if os.path.exists("/usr/lib/systemd/systemd-journald") else "/lib/systemd/systemd-journald"
    if not os.path.exists(daemon) or not shutil.which("journalctl"):
        print("ok - the journal takes records as they are # SKIP systemd-journald is not installed")
        return
    with Sample("journal", daemon):
        until = time.monotonic() + 10
        while not os.path.exists("/run/systemd/journal/socket") and time.monotonic() < until:
            time.sleep(0.05)
        status = r.outcome(r.send("journal", ["  - {name: journal, type: journald}\n"], 60, 400))
        log = r.read(r.at("journal.log"))
        time.sleep(1)
        out = subprocess.run(["journalctl", "-D", "/run/log/journal", "-o", "json", "--all", "SYSLOG_IDENTIFIER=vedette"], capture_output=True).stdout
        entries = [json.loads(x) for x in out.splitlines()]
    # the journal gives fields that are no text to it as lists of bytes
    records = [bytes(e["VEDETTE_RECORD"]) if isinstance(e["VEDETTE_RECORD"], list) else e["VEDETTE_RECORD"].encode() for e in entries]
    r.tap(records == log.splitlines(), "the journal takes records as they are", "%d of %d; %s" % (len(records), log.count(b"\n"), status))
    r.tap(len(records) > 50 and all(e["MESSAGE"] and e["VEDETTE_SEQUENCE"] == str(i) for i, e in enumerate(entries)), "with a message and their numbers")


if __name__ == "__main__":
    began = time.monotonic()
    r.make_certificates()
    make_host()
    for part in (sample_of_rsyslog, the_module_verifies, the_journal_takes_records_as_they_are):
        part()
        print("# %s: %.1f s" % (part.__name__, time.monotonic() - began), flush=True)
