"""A stand-in for a registry of npm or Python, and for a proxy before it, on 127.0.0.1.

    registry.py FOLDER LOG [CERTIFICATE KEY]

Serves the files of FOLDER, below /wrong/ each with its last byte changed, below /slow/ a quarter
of a megabyte each tenth of a second, and below /moved/ a redirect to an address without HTTPS.
/simple/NAME/ is a page of links to all of them, as Python's registry has for a package. With a
certificate it speaks TLS. CONNECT leads to the registry itself, whatever host was asked for. Prints
the ports of registry and proxy, writes each request into LOG, and ends with its standard input.
"""

import http.server
import pathlib
import select
import socket
import ssl
import sys
import threading
import time

FOLDER, LOG = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
PART = 1 << 18


def note(*words):
    with LOG.open("a") as log:
        print(*words, file=log)


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        note("GET", self.path, self.headers.get("Authorization", "-"))
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/node.tgz")
            self.end_headers()
            return
        if "/simple/" in self.path:
            links = "".join(f'<a href="../../{file.name}#sha256=0">{file.name}</a>' for file in FOLDER.iterdir())
            self.send_response(200)
            self.send_header("Content-Length", str(len(links)))
            self.end_headers()
            self.wfile.write(links.encode())
            return
        file = FOLDER / self.path.removeprefix("/wrong").removeprefix("/slow").lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        content = file.read_bytes()
        if self.path.startswith("/wrong/"):
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        while self.path.startswith("/slow/") and content:
            self.wfile.write(content[:PART])
            content = content[PART:]
            time.sleep(0.1)
        self.wfile.write(content)

    def log_message(self, *words):
        pass


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        note("CONNECT", self.path)
        self.send_response(200)
        self.end_headers()
        there = socket.create_connection(registry.server_address)
        ends = {self.connection: there, there: self.connection}
        while True:
            for end in select.select(list(ends), [], [])[0]:
                try:
                    content = end.recv(1 << 16)
                    ends[end].sendall(content)
                except OSError:
                    return
                if not content:
                    return

    def log_message(self, *words):
        pass


registry = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
if sys.argv[3:]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*sys.argv[3:])
    registry.socket = tls.wrap_socket(registry.socket, server_side=True)
proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
for server in (registry, proxy):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(registry.server_address[1], proxy.server_address[1], flush=True)
sys.stdin.read()
