"""An Azurite for tests, over HTTPS and with tokens, in one line:

    with azurite_up.testing.start() as azurite:
        ...

It belongs to this process alone: it keeps its data in memory, listens on its own ports, and ends
when this process does, however that happens. `azup up --until-eof` does all of it; this module is
what Python needs around it. The pytest fixtures are in `azurite_up.pytest_plugin`.
"""

import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

from .__main__ import found

__all__ = ["Azurite", "AzuriteError", "Container", "start"]

#: How many lines at the end of the log are shown.
LAST_LINES = 20


class AzuriteError(Exception):
    """Azurite could not be started, or has ended."""


class Container:
    """A container of blobs. `str()` returns its name."""

    def __init__(self, name, url):
        self.name = name
        self.url = url

    def __str__(self):
        return self.name


class Azurite:
    """An Azurite that answers: its addresses, and what code needs to use it."""

    def __init__(self, document):
        #: The document of `azup up --json`.
        self.document = document
        self.blob = document["blob"]
        self.queue = document["queue"]
        self.table = document["table"]
        self.account = document["account"]
        self.key = document["key"]
        self.connection_string = document["connection_string"]
        #: The file with the CA that signed the certificate, in PEM.
        self.ca = document["ca"]
        #: The variables of `azup env`; None means that the variable has to be unset.
        self.environment = document["environment"]

    def log(self):
        """All that Azurite has written to its log."""
        try:
            with open(self.document["log"], encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def death(self):
        """Why it has stopped, with the last lines of its log; None while it runs."""
        return None

    @contextlib.contextmanager
    def variables(self):
        """Sets its variables for this process and its children, and restores the old ones
        afterwards."""
        before = {name: os.environ.get(name) for name in self.environment}
        _set(self.environment)
        _trust_in_aiohttp(self.ca)
        try:
            yield self
        finally:
            _set(before)

    @contextlib.contextmanager
    def container(self):
        """A container with a unique name, deleted afterwards."""
        container = Container(name := f"test-{uuid.uuid4().hex[:16]}", f"{self.blob}/{name}")
        self._send("PUT", container)
        try:
            yield container
        finally:
            self._send("DELETE", container)

    def _send(self, method, container):
        headers = {"Authorization": f"Bearer {self._token()}", "x-ms-version": "2021-12-02"}
        url = container.url + "?restype=container"
        request = urllib.request.Request(url, method=method, headers=headers)
        context = ssl.create_default_context(cafile=self.ca)
        _open(request, urllib.request.HTTPSHandler(context=context))

    def _token(self):
        # In the same way as every Azure SDK.
        url = self.environment["IDENTITY_ENDPOINT"]
        url += "?api-version=2019-08-01&resource=https://storage.azure.com"
        headers = {"X-IDENTITY-HEADER": self.environment["IDENTITY_HEADER"]}
        return json.loads(_open(urllib.request.Request(url, headers=headers)))["access_token"]


class _Started(Azurite):
    """One that this process has started."""

    def __init__(self, process, document):
        super().__init__(document)
        self._process = process

    def death(self):
        if self._process.poll() is None:
            return None
        lines = self.log().splitlines()[-LAST_LINES:]
        return "\n".join(["Azurite has ended; the last lines of its log:", *lines])

    def stop(self):
        _end(self._process)


@contextlib.contextmanager
def start(*options, azup=None):
    """Starts an Azurite, with further `options` of `azup up`, and stops it afterwards."""
    azurite = launch(*options, azup=azup)
    try:
        yield azurite
    finally:
        azurite.stop()


def launch(*options, azup=None):
    """The same without a `with`: the caller calls `stop()`."""
    azup = azup or os.environ.get("AZUP") or found() or shutil.which("azup")
    if not azup:
        raise AzuriteError("azup is not among this environment's scripts, nor on PATH")
    with tempfile.TemporaryFile() as errors:
        # No other child of this process may inherit its end of the pipe: Python closes it there.
        process = subprocess.Popen(
            [azup, "up", "--json", "--until-eof", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            document = _document(process.stdout)
        except BaseException:
            # Ctrl-C while Azurite starts.
            _end(process)
            raise
        if document and "error" not in document:
            return _Started(process, document)
        code = _end(process)
        errors.seek(0)
        words = errors.read().decode(errors="replace").strip()
    raise AzuriteError(words or f"{azup} ended with exit code {code}")


def _end(process):
    process.stdin.close()
    code = process.wait()
    process.stdout.close()
    return code


def _document(stream):
    """The one document on a stream that stays open after it; None if the stream ends before."""
    text = ""
    for line in stream:
        text += line.decode()
        if line.rstrip() == b"}":
            return json.loads(text)
    return None


def _set(variables):
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _trust_in_aiohttp(ca):
    """aiohttp reads SSL_CERT_FILE once, when it is imported, which may have been before."""
    connector = sys.modules.get("aiohttp.connector")
    context = getattr(connector, "_SSL_CONTEXT_VERIFIED", None)
    if isinstance(context, ssl.SSLContext):
        context.load_verify_locations(cafile=ca)


def _open(request, *handlers):
    """Sends a request to this machine, ignoring proxies. A busy machine gets a second try."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
    for last in (False, False, True):
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            raise
        except OSError:
            if last:
                raise
            time.sleep(0.2)
