"""Runs the clients in a network that is only 127.0.0.1, with `azup run -- CLIENT`, and writes what
each did.

python run.py AZUP [--all] [--write]: started by tests/clients, which has made the network."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
from pages import compare, table  # noqa: E402
from recorder import TRACED, Names, addresses, is_loopback  # noqa: E402
from rows import PARTS, REPOSITORY, Row, all_rows  # noqa: E402

AZURITE = "azurite-3.37.0"
# How long a client may take, on a machine under load.
PATIENCE = 300
PORTS = {10000: "blob", 10001: "queue", 10002: "table"}
NAMES = 53


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

    def client(self, row):
        """Runs one. Returns what it did wrong (None if nothing), and where it connected."""
        log = self.root / "trace"
        traced = ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "0", "-e", f"trace={TRACED}", "-o", log]
        self.names.take()
        try:
            done = self.run([*traced, self.azup, "run", "--", *row.command])
        except subprocess.TimeoutExpired:
            return f"no end within {PATIENCE} s", set(), ""
        own, client = addresses(log)
        outside = sorted({f"{address}:{port}" for address, port in own | client if not is_loopback(address)})
        names = [name for name in self.names.take() if name not in row.asks]
        said = done.stdout + done.stderr
        if outside or names:
            return f"it led outside: {', '.join([*names, *outside])}", client, said
        if done.returncode or row.prints not in done.stdout:
            return f"exit {done.returncode}", client, said
        if not client:
            return "it connected to nothing, or the trace is not to be read", client, said
        return None, client, said


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
    machine.stop()
    path = REPOSITORY / "docs/clients/tested.md"
    if "--write" in options:
        if wrong or left_out:
            left_out.append("nothing was written")
        else:
            path.write_text(table(results))
    else:
        wrong += compare(results, path.read_text())
    for line in left_out:
        print(f"******** NOT RUN: {line}", file=sys.stderr)
    for line in wrong:
        print(f"******** FAILED: {line}", file=sys.stderr)
    print(f"{len(results)} clients work, {len(wrong)} failed, {len(left_out)} left out", file=sys.stderr)
    with open(os.environ.get("AZUP_CLIENTS_LEFT_OUT", os.devnull), "w") as file:
        file.write(json.dumps(left_out))
    sys.exit(1 if wrong else 0)


main()
