"""Production code: stores a blob and, if VAULT_URL is set, a secret, and reads both back; with one
credential for both services."""

import os

from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

credential = DefaultAzureCredential()
service = BlobServiceClient(os.environ["AZURE_STORAGE_BLOB_ENDPOINT"], credential)
container = service.get_container_client(f"python-{os.getpid()}")
container.create_container()
container.upload_blob("greeting", b"a blob")
print(container.download_blob("greeting").readall().decode())
assert [blob.name for blob in container.list_blobs()] == ["greeting"]

if "VAULT_URL" in os.environ:
    from azure.keyvault.secrets import SecretClient

    vault = SecretClient(os.environ["VAULT_URL"], credential)
    vault.set_secret("greeting", "a secret")
    print(vault.get_secret("greeting").value)
