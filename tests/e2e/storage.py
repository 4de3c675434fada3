"""store NAME TEXT | load NAME | test FILE: one blob in Azurite, with the credential of production;
or a program's own tests with it."""

import os
import sys
import unittest

import azure.identity
from azure.storage.blob import BlobServiceClient


service = BlobServiceClient(
    os.environ["AZURE_STORAGE_BLOB_ENDPOINT"], azure.identity.DefaultAzureCredential()
)
container = service.get_container_client("e2e")
match sys.argv[1:]:
    case ["store", name, text]:
        if not container.exists():
            container.create_container()
        container.upload_blob(name, text, overwrite=True)
    case ["load", name]:
        print(container.download_blob(name).readall().decode())
    case ["test", module]:
        sys.path.insert(0, os.getcwd())
        unittest.main(module, argv=[module])
