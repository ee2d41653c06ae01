# SPDX-License-Identifier: Apache-2.0
# A receiver that is away: away.py CARRY SECONDS. While 2,000 alerts a second are signed, the receiver of a webhook is killed, comes back after that
# time, and has to have every record then: all, in order, each once by its bytes, which docs/verify_log.py checks. Prints TAP and what it measured.
#   away.py receive PORT FILE    is that receiver: what it has answered stands in the file
import hashlib, json, os, signal, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(__file__))
from http_receiver import Place, Receiver

RATE, ALERTS_PER_S = 2250, 2000  # one record in ten of carry's is no alert
BATCH = 1000


def receive(port, path):
    """What was written only in part when it was killed was never answered, and comes again whole."""
    with open(path, "ab+") as f:
        end = f.seek(0, os.SEEK_END)
        f.seek(max(0, end - (8 << 20)))
        tail = f.read()
        f.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
    file = os.open(path, os.O_WRONLY | os.O_APPEND)

    def keep(_count, request):
        left = memoryview(request.body)
        while left:
            left = left[os.write(file, left):]
        request.raw = request.body = b""  # of a gigabyte nothing stays here
        return 200, {}, b""
    Receiver(None, "", {"/": Place(keep)}, port=port)
    signal.pause()


class Run:
    def __init__(self, carry, seconds):
        self.seconds, self.before, self.after = seconds, min(5, 1 + seconds / 10), min(20, 1 + seconds / 10)
        self.count = int(RATE * (self.before + seconds + self.after))
        self.folder = tempfile.mkdtemp(prefix="vedette-away-")
        self.arrived, self.log = f"{self.folder}/arrived", f"{self.folder}/log"
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        config = f"{self.folder}/c.yaml"
        with open(config, "w") as f:
            f.write(f"rules: [r]\nagent: {{folder: /a}}\nwal: {{folder: {self.folder}/wal, max: 8GiB}}\nsinks:\n  - {{name: away, type: webhook, "
                    f"url: 'http://127.0.0.1:{self.port}/', allow_private: true, batch: {{count: {BATCH}, bytes: 4MiB}}, retry: {{least: 100ms, most: 5s}}}}\n")
        self.command = [carry, config, self.folder, str(self.count), str(int(120 + seconds)), str(RATE)]

    def start_receiver(self):
        self.receiver = subprocess.Popen([sys.executable, __file__, "receive", str(self.port), self.arrived])

    def kill_receiver(self):
        self.receiver.kill()
        self.receiver.wait()

    def made(self):
        return os.path.getsize(self.log)

    def go(self):
        self.start_receiver()
        carrier = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        try:
            self.live(carrier)
        finally:
            carrier.kill()
            self.kill_receiver()

    def live(self, carrier):
        began = time.monotonic()
        while time.monotonic() < began + self.before or not (os.path.exists(self.arrived) and os.path.getsize(self.arrived)):
            if time.monotonic() > began + 60:
                break  # the checks will say so
            time.sleep(0.05)
        self.kill_receiver()
        self.left_at, left = self.made(), time.monotonic()
        time.sleep(self.seconds)
        self.back_at, back = self.made(), time.monotonic()
        self.start_receiver()
        self.status = json.loads(carrier.communicate(timeout=self.seconds + 300)[0] or "{}")
        self.away, self.caught_up = back - left, time.monotonic() - back

    def measure(self):
        """One way through the log: how many records, how many alerts were made while nobody was there, and the digest of all."""
        self.records, self.alerts, self.alerts_away, at, digest = 0, 0, 0, 0, hashlib.sha256()
        with open(self.log, "rb") as f:
            for line in f:
                digest.update(line)
                is_alert = b'"dataset":"vedette.alert"' in line
                self.alerts += is_alert
                self.alerts_away += is_alert and self.left_at <= at < self.back_at
                self.records += 1
                at += len(line)
        return digest.digest()

    def once(self):
        """What arrived, each record where it came first; its digest, and how many came again."""
        path = self.folder + "/once"
        with open(self.arrived, "rb") as source, open(path, "wb") as target:
            subprocess.run([sys.executable, "docs/unique.py"], stdin=source, stdout=target, check=True)
        with open(path, "rb") as f:
            digest = hashlib.file_digest(f, "sha256").digest()
        with open(path, "rb") as once, open(self.arrived, "rb") as all_of_it:
            return path, digest, sum(1 for _ in all_of_it) - sum(1 for _ in once)


def check(holds, what, *why):
    print(("ok - " if holds else "not ok - ") + what, flush=True)
    if not holds:
        print("# " + repr(why)[:600], flush=True)
    return holds


def main(carry, seconds):
    run = Run(carry, seconds)
    run.go()
    log = run.measure()
    s, good = run.status, True
    good &= check(run.alerts_away >= ALERTS_PER_S * run.away * 0.99, f"{ALERTS_PER_S} alerts a second are made while the receiver is away", run.alerts_away, run.away)
    good &= check(s.get("lines") == run.count and s["lag"] == s["missed"] == s["refused"] == 0 and s["faults"] > 0 and s["state"] == "good",
                  "after its return it is given every record", s)
    path, digest, again = run.once()
    good &= check(digest == log and run.records == run.count, "every byte that was signed arrived, in order", run.records, run.count)
    good &= check(again <= BATCH, "no more came again than what was under way when it was killed", again)
    done = subprocess.run([sys.executable, "docs/verify_log.py", "--complete", f"{run.folder}/keys", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    good &= check(done.returncode == 0 and done.stdout == b"verified %d records\n" % run.count, "verify_log.py finds all of them, once, from the first to the last", done.stdout[-300:])
    print(f"# away for {run.away:.1f} s: {run.alerts_away} alerts meanwhile; all were there {run.caught_up:.1f} s after its return, {run.after:.0f} s of which more were made")
    print(f"# {run.alerts} alerts arrived in {run.records} records of {os.path.getsize(run.log)} bytes; {again} records came again", flush=True)
    subprocess.run(["rm", "-rf", run.folder])
    return 0 if good else 1


if sys.argv[1] == "receive":
    receive(int(sys.argv[2]), sys.argv[3])
else:
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
