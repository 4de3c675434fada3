"""Every variable that azup sets, and where it leads, by a client that reads it. That it reads it is shown first: with
another host in the value the client asks for that one. With azup's own value it asks for no name and connects to
nothing but this machine, whichever way of azup's has set it."""

import json
import re
from pathlib import Path

from rows import PARTS, PROGRAMS, REPOSITORY, script_of

# Nobody's. A client that asks for it has read the variable.
ELSEWHERE = "walk.outside.example"
CLOUD = "devstoreaccount1.{}.core.windows.net"

PYTHON = PARTS / "venv/bin/python"
BLOBS = [PYTHON, PROGRAMS / "azure_sdk.py"]
AZFILE = [PARTS / "clients-azfile/client"]
GO = [PARTS / "go-sdk/client"]
RCLONE = script_of("rclone", PARTS / "clients-tools/bin/rclone")
TUSD = PARTS / "clients-tusd/tusd"
TABLES = """
import os
from azure.data.tables import TableServiceClient as Client
from azure.identity import DefaultAzureCredential
print(list(Client(os.environ["AZURE_STORAGE_TABLE_ENDPOINT"], credential=DefaultAzureCredential()).list_tables()))
"""
# The Functions host cannot be had here. This is the SDK that its storage extension has in Python.
WEB_JOBS = """
import os
from azure.storage.blob import BlobServiceClient as Client
print(Client.from_connection_string(os.environ["AzureWebJobsStorage"]).get_container_client("data").exists())
"""


def library(name):
    return [PARTS / "clients-data/bin/python", PROGRAMS / "data.py", name]


# A variable, what in its value is to be another host, who reads it, and by which program.
HOST = r"127\.0\.0\.1(:\d+)?"
WALKED = [
    ("AZURE_STORAGE_BLOB_ENDPOINT", HOST, "azblob", GO),
    ("AZURE_STORAGE_QUEUE_ENDPOINT", HOST, "kombu", library("kombu")),
    ("AZURE_STORAGE_TABLE_ENDPOINT", HOST, "azure-data-tables", [PYTHON, "-c", TABLES]),
    ("AZURE_STORAGE_ENDPOINT", HOST, "obstore", library("obstore")),
    ("RCLONE_AZUREBLOB_ENDPOINT", HOST, "rclone", RCLONE),
    ("AZURE_STORAGE_CONNECTION_STRING", HOST, "adlfs", library("adlfs")),
    ("AZURE_STORAGE_CONNECTION_STRING", f"(?<=FileEndpoint=https://){HOST}", "azfile", AZFILE),
    ("AzureWebJobsStorage", HOST, "azure-storage-blob in the place of Functions", [PYTHON, "-c", WEB_JOBS]),
    ("IDENTITY_ENDPOINT", HOST, "azidentity", GO),
    ("AZURE_MSI_ENDPOINT", HOST, "deltalake", library("deltalake")),
    ("AZURE_IMDS_ENDPOINT", HOST, "opendal", library("opendal")),
]
# What leads outside where a variable of azup's, or a part of one, is not there, and where.
MISSED = [
    ("RCLONE_AZUREBLOB_ENDPOINT", ".*", "rclone", RCLONE, CLOUD.format("blob")),
    ("AZURE_STORAGE_CONNECTION_STRING", "FileEndpoint=[^;]*;", "azfile", AZFILE, CLOUD.format("file")),
    ("NO_PROXY", ".*", "requests, where a proxy is set", BLOBS, ELSEWHERE),
]
# They name no host.
PLAIN = {
    "AZURE_STORAGE_ACCOUNT_NAME": "a name, of which rclone makes a host unless `RCLONE_AZUREBLOB_ENDPOINT` is set",
    **dict.fromkeys(["IDENTITY_HEADER", "AZURE_MSI_SECRET"], "a secret"),
    **dict.fromkeys(["NO_PROXY", "no_proxy"], "this machine's names, to which no proxy is used"),
    **dict.fromkeys(["CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"], "a file"),
    "JAVA_TOOL_OPTIONS": "a file",
}
# In a dev container the stores do what these do here.
STORES = ["CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
# Users' own settings, which azup names: by whom each leads to the cloud (none of what reads the second can be had here).
OWN = [
    ("AZURE_STORAGE_ACCOUNT", ["sh", "-c", '"$0" -unix-sock "$TMPDIR/tusd" -azure-storage data', TUSD]),
    ("AzureWebJobsStorage__accountName", None),
]


def columns(machine):
    """What each of azup's ways sets."""
    project = machine.root / "set-up"
    project.mkdir()
    (project / "host.json").write_text("{}")
    machine.ask("init", "--yes", "--language", "python", project)
    made = project / ".devcontainer/azurite/devcontainer-feature.json"
    published = REPOSITORY / "features/azurite/devcontainer-feature.json"
    shell = {"PWD", "SHLVL", "OLDPWD", "_"}
    seen = machine.ask("run", "--java", "--", "env", "-0").strip("\0").split("\0")
    seen = dict(each.split("=", 1) for each in seen)
    return {
        "`azup run`": {name: seen[name] for name in set(seen) - set(machine.environment) - shell},
        "`azup env`": json.loads(machine.ask("env", "--json", "--java"))["variables"],
        "the Feature of `azup init`": json.loads(made.read_text())["containerEnv"],
        "the published Feature": json.loads(published.read_text())["containerEnv"],
    }


def missing():
    """The first part that is not there."""
    words = [word for *_, command in WALKED + OWN for word in command or []]
    there = [Path(word) for word in words if str(word).startswith(f"{PARTS}/")]
    return next((str(path.relative_to(PARTS)) for path in there if not path.exists()), None)


def turned(variables, name, part, instead):
    return {**variables, name: re.sub(part, instead, variables[name], count=1)}


def walk(machine):
    """What is not as it should be, and the rows of the page."""
    sets = columns(machine)
    shown = sets["`azup env`"]
    wrong, rows = unknown(sets) + missed(machine, shown) + own(machine), []
    for name, part, who, command in WALKED:
        names = machine.watched(command, turned(shown, name, part, ELSEWHERE), until=ELSEWHERE).names
        if ELSEWHERE not in names:
            wrong.append(f"{who} does not read {name}: {names}")
        by = [column for column, variables in sets.items() if name in variables]
        for column in by:
            # The endpoint of that run has ended with it. Its rows are the clients of the other table.
            if column == "`azup run`":
                continue
            stores = {store: shown[store] for store in STORES}
            seen = machine.watched(command, {**stores, **sets[column]})
            if seen.outside() or seen.code:
                wrong.append(f"{column}, {name}, {who}: exit {seen.code}, led to {seen.outside()}\n{seen.stderr[-500:]}")
        rows.append([f"`{name}`", ", ".join(by), who])
    plain = [[f"`{name}`", ", ".join(by), why] for name, why in PLAIN.items()
             if (by := [column for column, variables in sets.items() if name in variables])]
    return wrong, rows + plain


def unknown(sets):
    known = {name for name, *_ in WALKED} | set(PLAIN)
    return [f"{column} sets {name}, which nothing walks"
            for column, variables in sets.items() for name in sorted(set(variables) - known)]


def missed(machine, shown):
    """What is there for a reason: without it a client leaves this machine."""
    wrong = []
    for name, part, who, command, where in MISSED:
        less = turned(shown, name, part, "")
        if name == "NO_PROXY":
            less |= {"no_proxy": "", "HTTP_PROXY": f"http://{ELSEWHERE}:3128"}
        names = machine.watched(command, less, until=where).names
        if where not in names:
            wrong.append(f"{who} without {name} does not ask for {where}: {names}")
    return wrong


def own(machine):
    """What users set themselves."""
    wrong = []
    for name, command in OWN:
        where = CLOUD.format("blob") if command else None
        words = [machine.azup, "run", "--", *(command or ["true"])]
        seen = machine.watched(words, {name: "devstoreaccount1"}, until=where)
        if command and where not in seen.names:
            wrong.append(f"{name} does not lead to {where}: {seen.names}")
        if f"{name} is set: programs that read it send requests to" not in seen.stderr:
            wrong.append(f"azup run does not say that {name} is set: {seen.stderr}")
    return wrong
