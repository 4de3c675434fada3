"""What the benchmarks in Python share: free ports, a home, bare Azurite, and a client with one CA
and a token."""

import contextlib
import http.client
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ACCOUNT = "/devstoreaccount1"
SERVICES = ("blob", "queue", "table")


def free_ports(count):
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


class Home:
    """A home with a certificate set and an Azurite that was installed elsewhere."""

    def __init__(self, azup, azurite, folder):
        self.azup, self.azurite, self.folder = azup, azurite, folder
        self.own = pathlib.Path(folder, ".local/share/azup")
        self.own.mkdir(parents=True)
        os.symlink(azurite, self.own / pathlib.Path(azurite).name)
        self.env = {
            "HOME": folder, "PATH": os.environ.get("BENCH_PATH", "/usr/local/bin:/usr/bin:/bin"),
            "LANG": "C.UTF-8", "AZUP_STORES": "none",
        }
        self.run("trust", "-q")
        self.ca = str(self.own / "certs/ca.pem")

    def run(self, *words):
        words = [self.azup, *words]
        return subprocess.check_output(words, env=self.env, cwd=self.folder, text=True).strip()

    def start(self, words, stdout=subprocess.PIPE):
        return subprocess.Popen(
            words, env=self.env, cwd=self.folder, text=True,
            stdout=stdout, stderr=subprocess.DEVNULL,
        )

    def up(self, ports, *more):
        """azup's own: from its start until it says that Azurite is ready and proved."""
        named = [f"--{name}-port={port}" for name, port in zip(SERVICES, ports)]
        process = self.start([self.azup, "up", "--json", "--no-identity", *named, *more])
        for line in process.stdout:
            if line == "}\n":
                return process
        sys.exit("azup up did not start")

    def bare(self, ports):
        """Azurite as npm installs it, in memory, over HTTPS: until all three ports take
        connections. It logs each request, which is its default and also what `azup up` makes it
        do."""
        entry = f"{self.azurite}/node_modules/azurite/dist/src/azurite.js"
        named = [f"--{name}Port={port}" for name, port in zip(SERVICES, ports)]
        certs = self.own / "certs"
        words = [
            shutil.which("node", path=self.env["PATH"]), entry, "--inMemoryPersistence", *named,
            "--cert", str(certs / "cert.pem"), "--key", str(certs / "key.pem"),
            "--oauth", "basic", "--skipApiVersionCheck", "--disableTelemetry",
        ]
        with open(self.own / "bare.log", "w") as log:
            process = self.start(words, log)
        until = time.monotonic() + 120
        for port in ports:
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit("bare Azurite did not start")
                time.sleep(0.002)
        return process


@contextlib.contextmanager
def home(arguments):
    azup, azurite = (str(pathlib.Path(word).resolve()) for word in arguments)
    with tempfile.TemporaryDirectory() as folder:
        yield Home(azup, azurite, folder)


def end(process, how=signal.SIGTERM):
    """Ends it by a signal, or waits for its end. Returns its CPU time in seconds, including that of
    all that it started: other load on the machine changes this least."""
    if how is not None:
        process.send_signal(how)
    if process.stdout:
        process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


class Client:
    """One connection to the blob service."""

    def __init__(self, port, home, token):
        trusting = ssl.create_default_context(cafile=home.ca)
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=60)
        self.headers = {
            "Authorization": f"Bearer {token}", "x-ms-version": "2021-12-02", "x-ms-blob-type": "BlockBlob",
        }

    def __call__(self, method, path, body=None):
        self.connection.request(method, ACCOUNT + path, body, self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()
