"""ENDPOINT: stores the blob e2e/kept over plain HTTP with the emulator's public account key, using
only Python's standard library; waits for Azurite as such scripts do."""

import base64
import email.utils
import hashlib
import hmac
import sys
import time
import urllib.error
import urllib.request

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def put(path, query, headers, body):
    headers = {
        "x-ms-date": email.utils.formatdate(usegmt=True),
        "x-ms-version": "2021-08-06",
        **headers,
    }
    length = str(len(body)) if body else ""
    kind = "application/octet-stream"
    lines = ["PUT", "", "", length, "", kind, "", "", "", "", "", ""]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers)]
    lines.append(f"/{ACCOUNT}/{ACCOUNT}/{path}")
    lines += [f"{name}:{value}" for name, value in sorted(query.items())]
    digest = hmac.new(base64.b64decode(KEY), "\n".join(lines).encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    headers["Content-Type"] = kind
    words = "&".join(f"{name}={value}" for name, value in query.items())
    request = urllib.request.Request(
        f"{sys.argv[1]}/{path}?{words}", data=body, headers=headers, method="PUT"
    )
    urllib.request.urlopen(request, timeout=30).close()


for _ in range(120):
    try:
        try:
            put("e2e", {"restype": "container"}, {}, b"")
        except urllib.error.HTTPError as error:
            # Created by an attempt whose answer came too late.
            if error.code != 409:
                raise
        put("e2e/kept", {}, {"x-ms-blob-type": "BlockBlob"}, b"here")
        break
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code} {error.read().decode(errors='replace')}")
    except OSError:
        time.sleep(1)
else:
    sys.exit(f"nobody answers at {sys.argv[1]}")
