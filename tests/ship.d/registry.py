"""An npm registry on loopback, for installers that have to choose between packages: serves the
tarballs of a folder and nothing else. Prints its address.

    registry.py FOLDER
"""

import base64
import hashlib
import http.server
import json
import pathlib
import sys
import tarfile
import urllib.parse

folder = pathlib.Path(sys.argv[1])
packages = {}
for file in folder.glob("*.tgz"):
    with tarfile.open(file) as archive:
        about = json.load(archive.extractfile("package/package.json"))
    packages[about["name"]] = (about, file)


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/")
        if name.startswith("-/") and (file := folder / name.removeprefix("-/")) in [one for _, one in packages.values()]:
            return self.answer(200, "application/octet-stream", file.read_bytes())
        if name not in packages:
            return self.answer(404, "application/json", b"{}")
        about, file = packages[name]
        digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
        version = {**about, "dist": {"tarball": f"{address}/-/{file.name}", "integrity": f"sha512-{digest}",
                                     "shasum": hashlib.sha1(file.read_bytes()).hexdigest()}}
        document = {"name": name, "dist-tags": {"latest": about["version"]}, "versions": {about["version"]: version},
                    "time": {about["version"]: "2020-01-01T00:00:00.000Z"}}
        return self.answer(200, "application/json", json.dumps(document).encode())

    def answer(self, code, kind, content):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
address = f"http://127.0.0.1:{server.server_port}"
print(address, flush=True)
server.serve_forever()
