"""The pages on clients, and what the tests ran: `docs/clients/tested.md` is written from it, and
every row of the other pages that ends with "tested" is one of its rows or names an existing
test."""

from rows import REPOSITORY

PAGES = REPOSITORY / "docs/clients"

HEAD = """\
# Clients that the tests run

Written by `tests/clients --write`. `tests/clients` (one client of each language, in CI) and `tests/clients --all`
compare it with what the clients do. Each client writes something and reads it back. It is started by
`azup run -- CLIENT` with no other variable set, in a network of its own that has only 127.0.0.1 and a name server that
resolves no name. If a client asks for a name or connects to another address, the run fails, unless the client is
looking for its own updates or extensions. The last column is what the client connected to.

| client | page | version | needs | connects to |
|---|---|---|---|---|
"""

VARIABLES = """
## Variables

Each variable that azup sets, by whom it is set, and who reads it. With another host in its value that client asks for
that one; with azup's value it asks for no name, and connects to nothing but 127.0.0.1. Without
`RCLONE_AZUREBLOB_ENDPOINT`, the `FileEndpoint` of the connection string, or (where a proxy is set) `NO_PROXY`,
rclone, azfile and requests leave this machine. So does tusd by a user's own `AZURE_STORAGE_ACCOUNT`; `azup run` names
that one, and names that end with `__accountName`. `JDK_JAVA_OPTIONS` and `SSL_CERT_DIR`, which azup sets for Java and
beside a user's own, name files.

| variable | set by | read by, or what it is |
|---|---|---|
"""

# What another test runs: the page, how its row begins, the test.
ELSEWHERE = [
    ("go.md", "user delegation SAS by host name", "tests/cli/up/options.rs", "go_reads_and_copies_by_a_user_delegation_sas"),
    ("dotnet.md", "Azure.Identity: ", "tests/cli/up/dotnet.rs", "the_sdk_works_under_run_as_it_is"),
    ("dotnet.md", "Azure.Security.KeyVault", "tests/cli/up/forward/vault.rs", "dotnet_stores_a_secret"),
    ("emulators.md", "a stand-in for a vault", "tests/cli/up/forward/vault.rs", "stores_a_blob_and_a_secret"),
    ("go.md", "azidentity: ", "tests/cli/up/forward/sdks.rs", "fn go()"),
    ("java.md", "azure-identity: ", "tests/cli/up/forward/sdks.rs", "fn java()"),
    ("javascript.md", "@azure/identity: ", "tests/cli/up/forward/sdks.rs", "fn javascript()"),
    ("javascript.md", "@azure/storage-blob, ", "tests/cli/up/clients.rs", "javascript_with_default_azure_credential"),
    ("python.md", "azure-identity: ", "tests/cli/up/forward/sdks.rs", "fn python()"),
    ("python.md", "azure-storage-blob, ", "tests/cli/up/clients.rs", "python_with_default_azure_credential"),
]


def line(result):
    cells = [
        result["client"],
        f"[{result['page'].removesuffix('.md')}]({result['page']})",
        ", ".join(result["versions"]),
        result["needs"],
        ", ".join(result["connects"]),
    ]
    return f"| {' | '.join(cells)} |\n".replace("|  |", "| |")


def variables(walked):
    return VARIABLES + "".join(f"| {' | '.join(row)} |\n" for row in walked)


def table(results):
    return HEAD + "".join(map(line, results))


def rows(text):
    """The cells of each row of the tables."""
    for each in text.splitlines():
        if each.startswith("| ") and not each.startswith("|---"):
            yield [cell.strip() for cell in each.strip("|").split("|")]


def compare(results, walked, tested):
    """What is not so: on the page that was written, and on those that speak of its clients."""
    tested, _, its_variables = tested.partition("## Variables")
    wrong = [f"docs/clients/tested.md lacks: {line(result).strip()}\nhint: tests/clients --write"
             for result in results if line(result) not in tested]
    wrong += [f"docs/clients/tested.md lacks: {row}\nhint: tests/clients --write"
              for row in walked if f"| {' | '.join(row)} |\n" not in its_variables]
    claims = {}
    for client, page, versions, *_ in list(rows(tested))[1:]:
        claims[page.split("(")[1].strip(")"), client] = versions
    for (page, client), versions in claims.items():
        found = [row for row in rows((PAGES / page).read_text()) if row[0] == client]
        if not any(row[1] == versions and row[-1] == "tested" for row in found):
            wrong.append(f"docs/clients/{page} has no row of {client} {versions} that says \"tested\": {found}")
    for path in sorted(PAGES.glob("*.md")):
        for row in rows(path.read_text()):
            if row[-1] != "tested" or path.name == "tested.md" or (path.name, row[0]) in claims:
                continue
            tests = [(REPOSITORY / file, name) for page, start, file, name in ELSEWHERE
                     if page == path.name and row[0].startswith(start)]
            if not any(name in file.read_text() for file, name in tests):
                wrong.append(f"docs/clients/{path.name} says of {row[0]} \"tested\", and no test is known")
    return wrong
