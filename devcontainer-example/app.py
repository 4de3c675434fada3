"""Uploads, lists and downloads files: production code that knows nothing of the emulator.

    python app.py upload FILE
    python app.py list
    python app.py download NAME

AZURE_STORAGE_BLOB_ENDPOINT names the account: https://NAME.blob.core.windows.net in
production, Azurite in the dev container, which sets the variable.
"""

import os
import sys
from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContainerClient



def container(credential=None) -> ContainerClient:
    """The container for our files, made where it is missing."""
    url = os.environ["AZURE_STORAGE_BLOB_ENDPOINT"]
    service = BlobServiceClient(url, credential=credential or DefaultAzureCredential())
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
