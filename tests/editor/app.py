"""Stores and reads a blob, as in production. The result is in ran.txt, for the test."""

import json
import os
import sys
import time

started = time.time()
told = {"started": started, "python": sys.executable}
try:
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import BlobServiceClient

    service = BlobServiceClient(
        os.environ["AZURE_STORAGE_BLOB_ENDPOINT"], DefaultAzureCredential(), retry_total=0
    )
    told["url"] = service.url
    container = service.get_container_client("shop")
    if not container.exists():
        container.create_container()
    container.upload_blob("hello.txt", "hello from F5", overwrite=True)
    told["text"] = container.download_blob("hello.txt").readall().decode()
except Exception as error:
    told["error"] = repr(error)
    raise
finally:
    with open("ran.part", "w") as file:
        json.dump(told, file)
    os.rename("ran.part", "ran.txt")
