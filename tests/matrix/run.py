"""Runs the clients in a network that is only 127.0.0.1, with `azup run -- CLIENT`, and writes what
each did.

python run.py AZUP [--all] [--write]: started by tests/clients, which has made the network."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
from pages import compare, table, variables  # noqa: E402
from recorder import TRACED, Names, addresses, is_loopback  # noqa: E402
from rows import PARTS, REPOSITORY, Row, all_rows  # noqa: E402
import walk  # noqa: E402

AZURITE = "azurite-3.37.0"
# How long a client may take, on a machine under load.
PATIENCE = 300
PORTS = {10000: "blob", 10001: "queue", 10002: "table"}
NAMES = 53


@dataclass
class Watched:
    """What a command asked for and where azup and what it started connected, and how it ended (None: it did not)."""

    names: list
    own: set
    client: set
    code: int
    stdout: str
    stderr: str

    def outside(self, but=()):
        """The names, but for some, and the addresses of other machines."""
        names = [name for name in self.names if name not in but]
        found = {f"{address}:{port}" for address, port in self.own | self.client if not is_loopback(address)}
        return [*names, *sorted(found)]


class Machine:
    """An empty home with a running Azurite, and no variable set."""

    def __init__(self, azup):
        self.azup = azup
        self.root = Path(tempfile.mkdtemp(prefix="azup-clients-"))
        self.project = self.root / "project"
        own = self.root / "home/.local/share/azup"
        own.mkdir(parents=True)
        self.project.mkdir()
        (own / AZURITE).symlink_to((PARTS / AZURITE).resolve())
        self.environment = {
            "HOME": str(self.root / "home"),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.root),
            # In case root runs this: this machine's stores are not changed.
            "AZUP_STORES": "none",
            "AZUP_UNDER_TEST": str(azup),
        }
        self.names = Names()

    def run(self, words, **more):
        words = [str(word) for word in words]
        return subprocess.run(
            words, cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", timeout=PATIENCE, **more,
        )

    def ask(self, *words):
        done = self.run([self.azup, *words])
        if done.returncode:
            sys.exit(f"azup {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def start(self):
        self.ask("up", "-d", "--in-memory")
        token, url = self.ask("token"), self.ask("env", "AZURE_STORAGE_BLOB_ENDPOINT")
        headers = {"Authorization": f"Bearer {token}", "x-ms-version": "2021-12-02"}
        request = urllib.request.Request(f"{url}/data?restype=container", b"", headers, method="PUT")
        trust = ssl.create_default_context(cafile=self.root / "home/.local/share/azup/certs/ca.pem")
        urllib.request.urlopen(request, context=trust)

    def stop(self):
        self.ask("down")
        shutil.rmtree(self.root)

    def watched(self, words, variables=(), until=None):
        """Runs words with these variables set, to their end or until a name is asked for."""
        log = self.root / "trace"
        traced = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "0", "-e", f"trace={TRACED}", "-o", log]
        outputs = [open(self.root / name, "w+", errors="replace") for name in ("stdout", "stderr")]
        self.names.take()
        process = subprocess.Popen(
            [str(word) for word in [*traced, *words]], cwd=self.project, stdin=subprocess.DEVNULL,
            stdout=outputs[0], stderr=outputs[1], env={**self.environment, **dict(variables)}, start_new_session=True,
        )
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end and not (until and until in self.names.asked):
            time.sleep(0.02)
        code = process.poll()
        if code is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        own, client = addresses(log)
        for output in outputs:
            output.seek(0)
        return Watched(self.names.take(), own, client, code, *[output.read() for output in outputs])

    def client(self, row):
        """Runs one: what it did wrong (None where nothing), and where it connected."""
        seen = self.watched([self.azup, "run", "--", *row.command])
        said = seen.stdout + seen.stderr
        if seen.code is None:
            return f"no end within {PATIENCE} s", set(), said
        outside = seen.outside(row.asks)
        if outside:
            return f"it led outside: {', '.join(outside)}", seen.client, said
        if seen.code or row.prints not in seen.stdout:
            return f"exit {seen.code}", seen.client, said
        if not seen.client:
            return "it connected to nothing, or the trace is not to be read", seen.client, said
        return None, seen.client, said


# It asks for a name, connects by TCP and sends by UDP; 192.0.2.0/24 is reserved for examples.
LEADS_OUTSIDE = """
import socket
try: socket.getaddrinfo("leads.outside.example", 443)
except OSError: pass
try: socket.create_connection(("192.0.2.1", 443))
except OSError: pass
try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.2", 53))
except OSError: pass
"""


def sees_what_leads_outside(machine):
    """Fails if such a client is not noticed in each way: then the rows would be worthless."""
    python = ["python3", "-c", LEADS_OUTSIDE]
    why, _, said = machine.client(Row("a client that leads outside", "", [], python))
    if why != "it led outside: leads.outside.example, 192.0.2.1:443, 192.0.2.2:53":
        sys.exit(f"a client that leads outside was not seen: {why}: {said}")


def where(addresses):
    """The services behind the ports; a port that is not Azurite's is the endpoint for tokens."""
    return sorted({PORTS.get(port, "tokens") for _, port in addresses if port != NAMES})


def main():
    azup, options = Path(sys.argv[1]).resolve(), sys.argv[2:]
    rows = [row for row in all_rows() if row.small or "--all" in options]
    machine = Machine(azup)
    machine.start()
    sees_what_leads_outside(machine)
    results, wrong, left_out = [], [], []
    for row in rows:
        missing = row.missing()
        if missing:
            left_out.append(f"{row.client}: {missing} is not there")
            continue
        started = time.monotonic()
        why, addresses, said = machine.client(row)
        took = time.monotonic() - started
        print(f"{took:6.1f} s  {row.client} {', '.join(row.versions)}: {why or 'works'}", file=sys.stderr)
        if why:
            wrong.append(f"{row.client}: {why}\n{said[-4000:]}")
            continue
        results.append({
            "client": row.client,
            "page": row.page,
            "versions": row.versions,
            "needs": row.needs,
            "connects": where(addresses) + [f"asks for {name} of its own accord" for name in row.asks],
        })
    walked = []
    if "--all" in options:
        gone = walk.missing()
        if gone:
            left_out.append(f"the walk along the variables: {gone} is not there")
        else:
            faults, walked = walk.walk(machine)
            wrong += faults
    machine.stop()
    path = REPOSITORY / "docs/clients/tested.md"
    if "--write" in options:
        if wrong or left_out:
            left_out.append("nothing was written")
        else:
            path.write_text(table(results) + variables(walked))
    else:
        wrong += compare(results, walked, path.read_text())
    for line in left_out:
        print(f"******** NOT RUN: {line}", file=sys.stderr)
    for line in wrong:
        print(f"******** FAILED: {line}", file=sys.stderr)
    print(f"{len(results)} clients work, {len(wrong)} failed, {len(left_out)} left out", file=sys.stderr)
    with open(os.environ.get("AZUP_CLIENTS_LEFT_OUT", os.devnull), "w") as file:
        file.write(json.dumps(left_out))
    sys.exit(1 if wrong else 0)


main()
