# SPDX-License-Identifier: Apache-2.0
# A receiver over HTTPS for tests: each path has a behaviour of its own, and remembers what it took. Not for any other use.
import base64, email.utils, gzip, hashlib, hmac, http.server, json, socket, ssl, subprocess, threading, time


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Certificates:
    """An authority and what it signed, in a folder: NAME.pem and NAME.key."""

    def __init__(self, folder, authority="ca"):
        self.folder, self.authority = folder, authority
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=" + authority, "-keyout", self.path(authority, "key"), "-out", self.path(authority))

    def path(self, name, end="pem"):
        return f"{self.folder}/{name}.{end}"

    def make(self, name, alternative="IP:127.0.0.1,DNS:localhost"):
        with open(self.path(name, "ext"), "w") as f:
            f.write("subjectAltName=" + alternative + "\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout",
            self.path(name, "key"), "-out", self.path(name, "csr"))
        run("openssl", "x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path(self.authority), "-CAkey", self.path(self.authority, "key"),
            "-CAcreateserial", "-days", "2", "-extfile", self.path(name, "ext"), "-out", self.path(name))
        return self


class Place:
    """What stands behind one path: `answer(place, request)` says (status, headers, body), or raises Close, or sleeps as it likes."""

    def __init__(self, answer):
        self.answer, self.requests, self.lock = answer, [], threading.Lock()

    def taken(self):
        return [r for r in self.requests if r.status is not None and 200 <= r.status < 300]


class Request:
    def __init__(self, headers, body, at):
        self.headers, self.raw, self.at, self.status = headers, body, at, None
        self.body = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body

    def lines(self):
        return self.body.splitlines(keepends=True)


class Close(Exception):
    """The connection ends without an answer."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        place = self.server.places.get(self.path.split("?")[0])
        if place is None:
            self.send_error(404)
            return
        request = Request(self.headers, body, time.monotonic())
        with place.lock:
            place.requests.append(request)
            count = len(place.requests)
        try:
            status, headers, answer = place.answer(count, request)
        except Close:
            self.close_connection = True
            self.connection.close()
            return
        request.status = status
        try:
            self.reply(status, headers, answer)
        except OSError:
            self.close_connection = True  # it did not wait for the end

    def reply(self, status, headers, answer):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        parts = [answer] if isinstance(answer, bytes) else answer
        if isinstance(answer, bytes):
            self.send_header("Content-Length", str(len(answer)))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()

    def log_message(self, *_):
        pass


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, certificates, name, places, client_ca=None, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.places = places
        self.context = None
        if certificates:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificates.path(name), certificates.path(name, "key"))
            if client_ca:
                self.context.load_verify_locations(client_ca)
                self.context.verify_mode = ssl.CERT_REQUIRED
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def finish_request(self, request, client_address):
        request.settimeout(20)
        if self.context:  # here, in the connection's own thread: a client that says nothing holds up nobody
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass  # a client that goes away, or does not like our certificate

    @property
    def url(self):
        return "%s://127.0.0.1:%d" % ("https" if self.context else "http", self.server_address[1])


class Proxy(threading.Thread):
    """CONNECT, and bytes both ways."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.asked = self.socket.getsockname()[1], []
        self.start()

    def run(self):
        while True:
            threading.Thread(target=self.serve, args=(self.socket.accept()[0],), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        host, port = head.split(b" ")[1].split(b":")
        self.asked.append(head)
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
        self.copy(client, server)

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def date_in(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def is_signed(request, secret, public_key):
    """Standard Webhooks, v1 and v1a, as a receiver checks them."""
    from nacl.signing import VerifyKey
    text = b"%s.%s." % (request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode()) + request.raw
    found = dict(part.split(",", 1) for part in request.headers["webhook-signature"].split(" "))
    good = hmac.compare_digest(base64.b64decode(found["v1"]), hmac.new(secret, text, hashlib.sha256).digest())
    VerifyKey(public_key).verify(text, base64.b64decode(found["v1a"]))
    return good and abs(time.time() - int(request.headers["webhook-timestamp"])) < 300
