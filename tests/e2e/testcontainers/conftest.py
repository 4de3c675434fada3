import json, os, socket, subprocess
from pathlib import Path

import pytest
from testcontainers.community.azurite import AzuriteContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

COMMAND = """azurite --blobHost 0.0.0.0 --queueHost 0.0.0.0 --tableHost 0.0.0.0
    --cert /certs/cert.pem --key /certs/key.pem --oauth basic --skipApiVersionCheck"""


def variables(*options):
    return json.loads(subprocess.check_output(["azup", "env", "--json", *options]))["variables"]


@pytest.fixture(scope="session")
def azurite():
    certs = Path(variables("--kestrel")["ASPNETCORE_Kestrel__Certificates__Default__Path"]).parent
    port = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
    tokens = subprocess.Popen(["azup", "identity", "-q", f"--port={port}"])  # for DefaultAzureCredential
    azurite = AzuriteContainer("mcr.microsoft.com/azure-storage/azurite:3.37.0").with_command(COMMAND)
    azurite.with_volume_mapping(certs, "/certs", "ro")
    azurite.waiting_for(LogMessageWaitStrategy("Table service is successfully listening"))
    with azurite:
        ports = {"blob": 10000, "queue": 10001, "table": 10002}
        options = [f"--{name}-port={azurite.get_exposed_port(port)}" for name, port in ports.items()]
        os.environ.update(variables(f"--identity-port={port}", *options))
        yield azurite
    tokens.terminate()
