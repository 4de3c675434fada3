"""Uploads, lists and downloads files: production code that knows nothing of the emulator.

    python app.py upload FILE
    python app.py list
    python app.py download NAME

STORAGE_URL names the account: in production https://NAME.blob.core.windows.net, here by
default the Azurite of the dev container.
"""

import os
import sys
from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient

URL = os.environ.get("STORAGE_URL", "https://127.0.0.1:10000/devstoreaccount1")


def container(credential=None) -> ContainerClient:
    """The container for our files, made where it is missing."""
    service = BlobServiceClient(URL, credential=credential or DefaultAzureCredential())
    files = service.get_container_client("files")
    try:
        files.create_container()
    except ResourceExistsError:
        pass
    return files


def main(words: list[str], credential=None) -> int:
    match words:
        case ["upload", path]:
            with open(path, "rb") as file:
                container(credential).upload_blob(Path(path).name, file, overwrite=True)
        case ["list"]:
            for blob in container(credential).list_blobs():
                print(blob.name)
        case ["download", name]:
            sys.stdout.buffer.write(container(credential).download_blob(name).readall())
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
