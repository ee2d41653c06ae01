#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The syslog sink against real receivers: receivers.py BUILD ROOT FOLDER. TAP on stdout."""
import json
import os
import socket
import subprocess
import sys
import time

build, root, folder = sys.argv[1:]
libraries = [root + x for x in ("/usr/lib/syslog-ng", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu")]
environment = dict(os.environ, LD_LIBRARY_PATH=":".join(libraries))


def tap(holds, what, why=""):
    print(("ok - " if holds else "not ok - ") + what + ("" if holds or not why else ": %s" % why), flush=True)


def at(name):
    return os.path.join(folder, name)


def write(name, text):
    with open(at(name), "w") as f:
        f.write(text)
    return at(name)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- certificates: an authority with a receiver and an agent, and another authority with an agent ------------------------------------------------

def openssl(*words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + name,
            "-keyout", name + ".key", "-out", name + ".pem")


def make_certificate(name, authority, more):
    write(name + ".ext", more)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
            "-out", name + ".csr")
    openssl("x509", "-req", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key", "-CAcreateserial", "-days", "2",
            "-extfile", name + ".ext", "-out", name + ".pem")


def make_certificates():
    for authority in ("ca", "other-ca"):
        make_authority(authority)
    make_certificate("receiver", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    make_certificate("agent", "ca", "subjectAltName=DNS:agent\nextendedKeyUsage=clientAuth\n")
    make_certificate("stranger", "other-ca", "subjectAltName=DNS:agent\nextendedKeyUsage=clientAuth\n")


# --- the receivers ---------------------------------------------------------------------------------------------------------------------------------

class Receiver:
    """One that listens in all ways; each way has its file."""

    ways = ("unix", "unix3164", "udp", "newline", "octets", "rfc3164", "tls", "tlsnewline", "mutual")
    on_tls = ("tls", "tlsnewline", "mutual")

    def __init__(self):
        self.port = {w: free_port(socket.SOCK_DGRAM if w == "udp" else socket.SOCK_STREAM) for w in self.ways if not w.startswith("unix")}
        self.process = None

    def socket(self, way):
        return at("%s.%s.socket" % (self.name, way))

    def file(self, way):
        return at("%s.%s.log" % (self.name, way))

    def address(self, way):
        if way.startswith("unix"):
            return "unix:" + self.socket(way)
        return "%s:127.0.0.1:%d" % ("tls" if way in self.on_tls else "udp" if way == "udp" else "tcp", self.port[way])

    def start(self):
        path = write(self.name + ".conf", self.configuration())
        with open(at(self.name + ".out"), "ab") as out:
            self.process = subprocess.Popen(self.command(path), env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder)

    def listens(self):
        for way, port in self.port.items():
            if way != "udp":
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", port)):
                        return False
        return all(os.path.exists(self.socket(w)) for w in self.ways if w.startswith("unix"))

    def await_start(self):
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            if self.listens():
                return True
            time.sleep(0.05)
        sys.stdout.write("".join("# %s\n" % x for x in read(at(self.name + ".out")).decode(errors="replace").splitlines()[-20:]))
        return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


class Rsyslog(Receiver):
    name = "rsyslog"

    def command(self, path):
        modules = root + "/usr/lib/x86_64-linux-gnu/rsyslog"
        return [root + "/usr/sbin/rsyslogd", "-n", "-f", path, "-i", at("rsyslog.pid"), "-M", modules]

    def configuration(self):
        tls = ('streamDriver.name="ossl" streamDriver.mode="1" streamDriver.CAFile="{0}/ca.pem" streamDriver.CertFile="{0}/receiver.pem" '
               'streamDriver.KeyFile="{0}/receiver.key"').format(folder)
        more = {"tls": tls + ' streamDriver.authMode="anon"', "tlsnewline": tls + ' streamDriver.authMode="anon"',
                "mutual": tls + ' streamDriver.authMode="x509/name" permittedPeer="agent"'}
        text = ['global(workDirectory="%s" maxMessageSize="128k")' % folder,
                'module(load="imuxsock" sysSock.use="off")', 'module(load="imudp")', 'module(load="imtcp")',
                'template(name="record" type="string" string="%$.record%\\n")']
        for way in self.ways:
            text.append('ruleset(name="%s") { set $.record = ltrim($msg); action(type="omfile" file="%s" template="record") }' % (way, self.file(way)))
            if way.startswith("unix"):
                text.append('input(type="imuxsock" socket="%s" ruleset="%s" useSpecialParser="off")' % (self.socket(way), way))
            else:
                text.append('input(type="%s" address="127.0.0.1" port="%d" ruleset="%s" %s)' %
                            ("imudp" if way == "udp" else "imtcp", self.port[way], way, more.get(way, "")))
        return "\n".join(text) + "\n"


class SyslogNg(Receiver):
    name = "syslog-ng"

    def command(self, path):
        return [root + "/usr/sbin/syslog-ng", "-F", "-f", path, "-R", at("persist"), "-c", at("syslog-ng.ctl"), "--pidfile", at("syslog-ng.pid"),
                "--module-path", root + "/usr/lib/syslog-ng/3.38", "--no-caps"]

    def configuration(self):
        tls = 'tls(ca-file("{0}/ca.pem") cert-file("{0}/receiver.pem") key-file("{0}/receiver.key") peer-verify(%s))'.format(folder)
        source = {
            "unix": 'unix-dgram("%s" flags(syslog-protocol))' % self.socket("unix"),
            "unix3164": 'unix-dgram("%s")' % self.socket("unix3164"),
            "udp": 'network(ip("127.0.0.1") port(%d) transport("udp") flags(syslog-protocol) so-rcvbuf(8388608))',
            "newline": 'network(ip("127.0.0.1") port(%d) transport("tcp") flags(syslog-protocol))',
            "rfc3164": 'network(ip("127.0.0.1") port(%d) transport("tcp"))',
            "octets": 'syslog(ip("127.0.0.1") port(%d) transport("tcp"))',
            "tls": 'syslog(ip("127.0.0.1") port(%d) transport("tls") ' + tls % "optional-untrusted" + ')',
            "tlsnewline": 'network(ip("127.0.0.1") port(%d) transport("tls") flags(syslog-protocol) ' + tls % "optional-untrusted" + ')',
            "mutual": 'syslog(ip("127.0.0.1") port(%d) transport("tls") ' + tls % "required-trusted" + ')',
        }
        text = ["@version: 3.38", "options { log-msg-size(131072); keep-hostname(yes); use-dns(no); stats-level(0); };"]
        for way in self.ways:
            body = source[way] if way.startswith("unix") else source[way] % self.port[way]
            text.append('log { source { %s; }; destination { file("%s" template("$MSG\\n")); }; flags(flow-control); };' % (body, self.file(way)))
        return "\n".join(text) + "\n"


# --- the sender --------------------------------------------------------------------------------------------------------------------------------------

def sink(name, options):
    return "  - {name: %s, retry: {least: 20ms, most: 100ms}, timeout: 5s, type: syslog, %s}\n" % (name, options)


def send(name, sinks, alerts, per_second, wait_ms=20000):
    """Starts a stream to these sinks; a file gets it too."""
    path = write(name + ".yaml", "rules: [r]\nagent: {folder: /a}\nwal: {folder: %s}\nsinks:\n  - {name: file, type: file, path: %s}\n%s" %
                 (at(name + ".wal"), at(name + ".log"), "".join(sinks)))
    return subprocess.Popen([build + "/tests/courier", path, at(name + ".pub"), str(alerts), str(per_second), str(wait_ms)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def outcome(process):
    """The sinks' status by name: lines, faults, refused, error."""
    text = process.communicate()[0]
    if process.returncode:
        tap(False, "the stream is sent", text)
        sys.exit(1)
    status = {}
    for line in text.splitlines():
        name, *numbers, error = line.split("\t")
        status[name] = (*map(int, numbers), error)
    return status


def verify(log, key):
    done = subprocess.run(["/usr/bin/python3", "docs/verify_log.py", "--complete", key, log], capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def await_length(path, n):
    """What a receiver has taken still has a way to go to its file."""
    until = time.monotonic() + 10
    while os.path.getsize(path) < n if os.path.exists(path) else True:
        if time.monotonic() > until:
            return
        time.sleep(0.05)


def unique(path):
    with open(path, "rb") as lines, open(path + ".unique", "wb") as out:
        subprocess.run(["/usr/bin/python3", "docs/unique.py"], stdin=lines, stdout=out, check=True)
    return path + ".unique"


# --- what is shown ---------------------------------------------------------------------------------------------------------------------------------------

def tls(ca="ca", agent=None, more=""):
    own = ", cert: %s, key: %s" % (at(agent + ".pem"), at(agent + ".key")) if agent else ""
    return "tls: {ca: %s%s%s}" % (at(ca + ".pem"), own, more)


way_options = {
    "unix": "protocol: rfc5424", "unix3164": "", "udp": "", "newline": "", "octets": "framing: octet-counting", "rfc3164": "protocol: rfc3164",
    "tls": tls(), "tlsnewline": tls() + ", framing: newline", "mutual": tls(agent="agent"),
}


def is_part_of(some, log):
    """Are these lines of the log, in its order?"""
    rest = iter(log.splitlines())
    return all(line in rest for line in some.splitlines())


def every_way_brings_the_same_bytes(receivers):
    sent = [(r, send(r.name, [sink(w, "address: '%s', %s" % (r.address(w), way_options[w])) for w in r.ways], 100, 200)) for r in receivers]
    for r, process in sent:
        status, key = outcome(process), at(r.name + ".pub")
        log = read(at(r.name + ".log"))
        good, why = verify(at(r.name + ".log"), key)
        tap(good and log.count(b"\n") > 100 and max(map(len, log.split(b"\n"))) > 40000, "the file has the whole stream, long lines too", why)
        for w in r.ways:
            if w == "udp":  # what the socket's buffer has no room for is gone
                some = read(r.file(w))
                tap(some.count(b"\n") >= 50 and is_part_of(some, log), "%s gets records by UDP as they were" % r.name, status[w])
                continue
            await_length(r.file(w), len(log))
            good, why = verify(r.file(w), key)
            tap(good and read(r.file(w)) == log, "%s gets every record by %s, to the byte" % (r.name, w), "%s; %s" % (why, status[w]))


def wrong_certificates_deliver_nothing(receivers):
    cases = [  # what, way, options of tls, text of the error
        ("another authority than the receiver's", "tls", tls(ca="other-ca"), "self-signed certificate|unable to get local issuer"),
        ("another name than the certificate's", "tls", tls(more=", name: elsewhere"), "hostname mismatch"),
        ("another address than the certificate's", "tls", tls(more=", name: 127.0.0.2"), "IP address mismatch"),
        ("no certificate of ours where one is wanted", "mutual", tls(), ""),
        ("a certificate of ours by a stranger", "mutual", tls(agent="stranger"), ""),
    ]
    names = ["%s%d" % (r.name, i) for r in receivers for i in range(len(cases))]
    all_cases = [(r, *c) for r in receivers for c in cases]
    before = {r: {w: os.path.getsize(r.file(w)) for w in r.on_tls} for r in receivers}
    status = outcome(send("wrong", [sink(n, "required: false, address: '%s', %s" % (r.address(way), options))
                                    for n, (r, _, way, options, _) in zip(names, all_cases)], 10, 100, 6000))
    for n, (r, what, way, options, error) in zip(names, all_cases):
        lines, faults, _, text = status[n]
        held = any(e in text for e in error.split("|")) if error else bool(text)
        tap(held and faults and os.path.getsize(r.file(way)) == before[r][way], "%s, %s: nothing arrives, and the status says why" % (r.name, what),
            "%d lines, %d faults, %s" % (lines, faults, text))


def a_killed_receiver_misses_nothing(receivers):
    ways = ("newline", "octets", "mutual")
    for r in receivers:
        for w in ways:
            os.truncate(r.file(w), 0)
    sent = send("kills", [sink("%s-%s" % (r.name, w), "address: '%s', %s" % (r.address(w), way_options[w])) for r in receivers for w in ways], 700, 200, 30000)
    for _ in range(2):
        time.sleep(1)
        for r in receivers:
            r.kill()
        time.sleep(0.3)
        for r in receivers:
            r.start()
    print("# restarted: %.1f s" % (time.monotonic() - began))
    status, log = outcome(sent), read(at("kills.log"))
    print("# sent: %.1f s" % (time.monotonic() - began))
    for r in receivers:
        for w in ways:
            until, good = time.monotonic() + 10, False
            while not good and time.monotonic() < until:
                good = read(unique(r.file(w))) == log
            proven, why = verify(r.file(w) + ".unique", at("kills.pub"))
            state = status["%s-%s" % (r.name, w)]
            tap(good and proven and state[1] > 0, "%s, killed twice in mid-stream, has every record by %s" % (r.name, w), "%s; %s" % (why, state))
            doubles = read(r.file(w)).count(b"\n") - log.count(b"\n")
            print("# %d of %d records came again" % (doubles, log.count(b"\n")))


def what_is_too_long_is_named(receivers):
    r = receivers[0]
    os.truncate(r.file("newline"), 0)
    outcome(send("short", [sink("short", "max_bytes: 8KiB, address: '%s'" % r.address("newline"))], 30, 1000))
    log, n = read(at("short.log")), 0
    until = time.monotonic() + 10
    while read(r.file("newline")).count(b"\n") < log.count(b"\n") and time.monotonic() < until:
        time.sleep(0.05)
    good = log.count(b"\n") == read(r.file("newline")).count(b"\n")
    for whole, got in zip(log.splitlines(), read(r.file("newline")).splitlines()):
        note = json.loads(got)
        if got != whole:
            n += 1
            good &= note == {"event": {"id": json.loads(whole)["event"]["id"]}, "vedette": {"record_bytes": len(whole)}} and len(whole) > 7900
    tap(good and n > 1, "lines longer than max_bytes are named in their place", "%d of %d" % (n, log.count(b"\n")))


if __name__ == "__main__":
    began = time.monotonic()
    make_certificates()
    receivers = [Rsyslog(), SyslogNg()]
    try:
        for r in receivers:
            r.start()
        for r in receivers:
            tap(r.await_start(), "%s listens" % r.name)
        for part in (every_way_brings_the_same_bytes, wrong_certificates_deliver_nothing, what_is_too_long_is_named, a_killed_receiver_misses_nothing):
            part(receivers)
            print("# %s: %.1f s" % (part.__name__, time.monotonic() - began), flush=True)
    finally:
        for r in receivers:
            r.stop()
