# SPDX-License-Identifier: Apache-2.0
# The sink of type nats against a real nats-server with JetStream: nats.py CARRY one|cluster. Prints TAP. What is stored is checked by docs/verify_log.py.
import base64, hashlib, json, os, shutil, signal, socket, ssl, subprocess, sys, tempfile, threading, time
sys.path.insert(0, os.path.dirname(__file__))
from http_receiver import Certificates

carry, kind, folder = sys.argv[1], sys.argv[2], tempfile.mkdtemp(prefix="vedette-nats-")
failed = 0


def check(holds, what, *why):
    global failed
    failed += not holds
    print(("ok - " if holds else "not ok - ") + what, flush=True)
    if not holds:
        print("# " + repr(why)[:600])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Server:
    def __init__(self, name, more="", port=None):
        self.name, self.port = name, port or free_port()
        os.makedirs(f"{folder}/{name}", exist_ok=True)
        self.config = f"{folder}/{name}.conf"
        with open(self.config, "w") as f:
            f.write(f"host: 127.0.0.1\nport: {self.port}\nserver_name: {name}\njetstream {{ store_dir: \"{folder}/{name}\", max_mem: 64M, max_file: 256M }}\n{more}\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen(["nats-server", "-c", self.config], stdout=subprocess.DEVNULL, stderr=open(f"{folder}/{self.name}.log", "a"))
        until = time.monotonic() + 15
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"


class Client:
    """As much of NATS as it takes to ask JetStream something."""

    def __init__(self, server, options=None, context=None):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 10)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
            self.file = self.socket.makefile("rb")
        self.number = 0
        self.send(b"CONNECT %s\r\nSUB answers.* 1\r\nPING\r\n" % json.dumps({"verbose": False, "headers": True} | (options or {})).encode())
        self.until(b"PONG")

    def send(self, data):
        self.socket.sendall(data)

    def until(self, what):
        while not (line := self.file.readline()).startswith(what):
            if not line or line.startswith(b"-ERR"):
                raise RuntimeError(line)
            if line.startswith(b"PING"):
                self.send(b"PONG\r\n")
        return line

    def ask(self, subject, request):
        self.number += 1
        body = json.dumps(request).encode()
        self.send(b"PUB $JS.API.%s answers.%d %d\r\n%s\r\n" % (subject.encode(), self.number, len(body), body))
        line = self.until(b"MSG")
        answer = self.file.read(int(line.split()[-1]))
        self.file.read(2)
        return json.loads(answer)

    def make_stream(self, replicas=1, limit=-1):
        return self.ask("STREAM.CREATE.V", {"name": "V", "subjects": ["vedette.>"], "storage": "file", "num_replicas": replicas,
                                            "duplicate_window": 120_000_000_000, "max_msg_size": limit, "retention": "limits", "discard": "old"})

    def stored(self):
        state = self.ask("STREAM.INFO.V", {})["state"]
        messages = [self.ask("STREAM.MSG.GET.V", {"seq": n})["message"] for n in range(state["first_seq"], state["last_seq"] + 1)]
        return [(m["subject"], base64.b64decode(m.get("hdrs", "")), base64.b64decode(m["data"])) for m in messages]


class Run:
    def __init__(self, name, servers, more="", seconds=20):
        self.folder = f"{folder}/run-{name}"
        os.mkdir(self.folder)
        self.config, self.seconds = f"{self.folder}/c.yaml", seconds
        with open(self.config, "w") as f:
            f.write(f"rules: [r]\nagent: {{folder: /a}}\nwal: {{folder: {self.folder}/wal}}\nsinks:\n  - {{name: n, type: nats, servers: [{', '.join(servers)}], "
                    f"retry: {{least: 20ms, most: 300ms}}, timeout: 3s{more}}}\n")

    def command(self, count, seconds=None, rate=0):
        return [carry, self.config, self.folder, str(count), str(seconds or self.seconds), str(rate)]

    def go(self, count, seconds=None):
        done = subprocess.run(self.command(count, seconds), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        self.stderr = done.stderr.decode()
        if done.returncode and done.stdout:
            check(False, "it ends well", self.stderr[-500:])
        return json.loads(done.stdout) if done.stdout else None

    def lines(self):
        with open(f"{self.folder}/log", "rb") as f:
            return f.read().splitlines()

    def verifies(self, stored):
        """All of it once, by number: after a failure a stream may hold them in another order."""
        by_number = sorted((data for _, _, data in stored), key=lambda d: json.loads(d)["event"]["sequence"])
        with open(f"{self.folder}/arrived", "wb") as f:
            f.write(b"".join(d + b"\n" for d in by_number))
        return by_number == self.lines() and subprocess.run(["/usr/bin/python3", "docs/verify_log.py", "--complete", f"{self.folder}/keys", f"{self.folder}/arrived"],
                                                            stdout=subprocess.DEVNULL).returncode == 0


def wait_for(holds, seconds):
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


def secret_file(name, text):
    with open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text + "\n")
    return f"{folder}/{name}"


class Frozen(threading.Thread):
    """Greets, and then takes nothing any more; with little room for what is sent to it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.kept = []
        self.start()

    def run(self):
        while True:
            client = self.socket.accept()[0]
            self.kept.append(client)
            client.sendall(b'INFO {"server_id":"x","version":"2.10.0","headers":true,"max_payload":1048576,"proto":1}\r\n')
            head = b""
            while b"PING\r\n" not in head:
                head += client.recv(1024)
            client.sendall(b"PONG\r\n")


def frozen():
    server = Frozen()
    port = server.socket.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        run = Run("frozen-" + host, [f"nats://{host}:{port}"], ", batch: {count: 1000, bytes: 8MiB}")
        with open(run.config) as f:
            text = f.read().replace("timeout: 3s", "timeout: 5m")
        with open(run.config, "w") as f:
            f.write(text)
        before, began = len(server.kept), time.monotonic()
        status = run.go(1000, 1)
        took = time.monotonic() - began
        check(took < 12 and status["lines"] == 0 and status["lag"] > 0 and len(server.kept) > before, f"a server that takes nothing does not hold up the end ({host})", took, status)


def one_node():
    server = Server("one")
    run = Run("late", [server.url])
    status = run.go(200, 1)
    check(status["lines"] == 0 and status["lag"] > 0 and "no stream" in status["error"], "no stream takes the subjects: it waits, and says so", status)
    client = Client(server)
    client.make_stream()
    status = run.go(0)
    stored = client.stored()
    check(run.verifies(stored) and status["lines"] == 200, "a stream that is made late gets all, once, and all verifies", status, len(stored))
    def known_by(data):
        return json.loads(data)["event"]["id"].encode() + b":" + hashlib.sha256(data.rstrip(b"\n")).hexdigest()[:32].encode()
    agent = "00000000-0000-4000-8000-000000000000"
    wanted = {"vedette.alert": "alerts", "vedette.heartbeat": "hb"}
    right = [subject == f"vedette.{wanted.get(json.loads(data)['event']['dataset'], 'events')}.default.{agent}" and
             b"\r\nNats-Msg-Id: " + known_by(data) + b"\r\n" in headers for subject, headers, data in stored]
    check(all(right), "subjects and ids are as they should be", stored[:2])
    shutil.rmtree(f"{run.folder}/sinks")  # a cursor that is lost: all is sent again
    status = run.go(0)
    check(len(client.stored()) == 200 and status["lines"] == 200, "what comes again is known by its id", status)

    client.ask("STREAM.DELETE.V", {})  # with what it knows of ids, which are the same in each log of this test
    client.make_stream()
    run = Run("killed", [server.url], ", batch: {count: 20}")
    process = subprocess.Popen(run.command(1500, rate=1500), stdout=subprocess.PIPE)
    for _ in range(2):
        time.sleep(0.6)
        server.kill()
        time.sleep(0.2)
        server.start()
    status = json.loads(process.communicate(timeout=90)[0])
    client = Client(server)
    check(run.verifies(client.stored()) and status["lines"] == 1500 and status["faults"] > 0, "the server is killed twice in the middle: all arrive, once", status)

    client.ask("STREAM.DELETE.V", {})
    client.make_stream(limit=900)
    run = Run("long", [server.url])
    status = run.go(60)
    longer = [line for line in run.lines() if len(line) > 800]
    check(0 < status["refused"] <= len(longer) and status["lines"] + status["refused"] == 60 and "maximum" in status["error"], "what the stream will never take is counted, and holds up nothing", status)
    server.kill()
    run = Run("nobody", [server.url])
    status = run.go(5, 1)
    check(status["lag"] > 0 and status["lines"] == 0 and status["error"] != "", "nobody there: it waits, and says so", status)


def guarded():
    certificates = Certificates(folder).make("server").make("elsewhere", "DNS:elsewhere.example").make("client")
    others = Certificates(folder, "other-ca").make("stranger")
    tls = lambda by, name: f"tls {{ cert_file: \"{by.path(name)}\", key_file: \"{by.path(name, 'key')}\", ca_file: \"{certificates.path('ca')}\", verify: true }}"
    servers = [Server("tls", tls(certificates, "server") + "\nauthorization { user: u, password: \"p:w\" }"), Server("misnamed", tls(certificates, "elsewhere")),
               Server("stranger", tls(others, "stranger"))]
    urls = [s.url.replace("nats:", "tls:") for s in servers]
    context = ssl.create_default_context(cafile=certificates.path("ca"))
    context.load_cert_chain(certificates.path("client"), certificates.path("client", "key"))
    client = Client(servers[0], {"user": "u", "pass": "p:w"}, context)
    client.make_stream()
    ours = f", tls: {{ca: {certificates.path('ca')}, cert: {certificates.path('client')}, key: {certificates.path('client', 'key')}}}"
    run = Run("tls", urls[:1], ours + f", auth: {{basic: {secret_file('user', 'u:p:w')}}}")
    status = run.go(30)
    check(run.verifies(client.stored()) and status["lines"] == 30, "TLS with certificates of both sides, and a user: all arrive", status)
    for what, url, more in (("a wrong password", urls[0], ours + f", auth: {{basic: {secret_file('wrong', 'u:nonsense')}}}"),
                            ("no certificate of ours", urls[0], f", tls: {{ca: {certificates.path('ca')}}}"),
                            ("a certificate of another name", urls[1], ours), ("a certificate of an unknown authority", urls[2], ours)):
        run = Run("refused-" + str(len(what)), [url], more)
        status = run.go(3, 1)
        check(status["lines"] == 0 and status["lag"] > 0 and status["error"] and "nonsense" not in status["error"], "nothing is sent, and it is told: " + what, status)
    for s in servers:
        s.kill()


def cluster():
    """Three nodes, three copies. One is killed in mid-stream, and comes back; then another."""
    routes = [free_port() for _ in range(3)]
    more = lambda i: f"cluster {{ name: c, listen: \"127.0.0.1:{routes[i]}\", routes: [{', '.join(f'nats://127.0.0.1:{r}' for r in routes)}] }}"
    servers = [Server(f"n{i}", more(i)) for i in range(3)]
    made = {}
    def try_make():
        try:
            made.update(Client(servers[0]).make_stream(replicas=3))
        except (OSError, RuntimeError):
            pass
        return "config" in made
    if not wait_for(try_make, 60):
        check(False, "three nodes make a stream", made)
        return
    run = Run("cluster", [s.url for s in servers], ", batch: {count: 50}", seconds=120)
    process = subprocess.Popen(run.command(6000, rate=600), stdout=subprocess.PIPE)
    for i in (0, 1):
        time.sleep(2)
        servers[i].kill()
        time.sleep(2)
        servers[i].start()
    status = json.loads(process.communicate(timeout=200)[0])
    client = Client(servers[2])
    check(status["lines"] == 6000 and status["faults"] > 0, "one of three is killed, then another: all are taken", status)
    check(run.verifies(client.stored()), "and stored once, and verify")
    for s in servers:
        s.kill()


if not shutil.which("nats-server"):
    print("ok - nats # SKIP there is no nats-server (Debian: nats-server)")
    sys.exit(0)
try:
    for part in {"one": [frozen, one_node, guarded], "cluster": [cluster]}[kind]:
        part()
finally:
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(failed > 0)
