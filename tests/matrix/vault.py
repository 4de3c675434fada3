"""A stand-in for a Key Vault, for the tests: python vault.py CERTIFICATES AUDIENCE

It is not a vault, nor an emulator of one. Over TLS, with azup's certificate, it does what a client
sees of Key Vault: the challenge, the check of the token's audience and times, and setting and
getting a secret. The challenge names AUDIENCE; `{port}` in it is replaced by the port, which is a
free one. The first line that it prints is that port, each later one a request and its answer.
"""

import base64
import http.server
import json
import ssl
import sys
import time

TENANT = "11111111-2222-3333-4444-555555555555"


def claims(authorization):
    """The token's claims, which are not signed. None if it is not a token."""
    kind, _, token = authorization.partition(" ")
    parts = token.split(".")
    if kind != "Bearer" or len(parts) != 3:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None


class Vault(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    secrets = {}
    audience = ""

    def log_message(self, *words):
        pass

    def why_not(self):
        """Why the token does not open it; None if it does."""
        authorization = self.headers.get("Authorization")
        if authorization is None:
            return "no token"
        said = claims(authorization)
        if said is None:
            return "not a token"
        if said["aud"].rstrip("/") != self.audience:
            return f"a token for {said['aud']}"
        if not said["nbf"] <= time.time() < said["exp"]:
            return "a token of another time"
        return None

    def answer(self, status, document, challenge=False):
        body = json.dumps(document).encode()
        self.send_response(status)
        if challenge:
            self.send_header(
                "WWW-Authenticate",
                f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", '
                f'resource="{self.audience}"',
            )
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0].strip("/").split("/")
        why = self.why_not()
        if why:
            self.note(401, why)
            self.answer(401, {"error": {"code": "Unauthorized", "message": why}}, challenge=True)
        elif path[0] != "secrets" or len(path) < 2:
            self.note(404, "no such path")
            self.answer(404, {"error": {"code": "NotFound", "message": "no such path"}})
        elif self.command == "PUT":
            self.secrets[path[1]] = json.loads(body)["value"]
            self.note(200, "set")
            self.answer(200, self.secret(path[1]))
        elif path[1] in self.secrets:
            self.note(200, "read")
            self.answer(200, self.secret(path[1]))
        else:
            self.note(404, "no such secret")
            self.answer(404, {"error": {"code": "SecretNotFound", "message": "no such secret"}})

    do_GET = do_PUT = handle_request

    def secret(self, name):
        now = int(time.time())
        attributes = {"enabled": True, "created": now, "updated": now}
        url = f"https://{self.headers['Host']}/secrets/{name}/0123456789abcdef0123456789abcdef"
        return {"value": self.secrets[name], "id": url, "attributes": attributes}

    def note(self, status, why):
        print(self.command, status, why, flush=True)


def main():
    certificates, audience = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certificates}/cert.pem", f"{certificates}/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Vault.audience = audience.format(port=server.server_port)
    print(server.server_port, flush=True)
    server.serve_forever()


main()
