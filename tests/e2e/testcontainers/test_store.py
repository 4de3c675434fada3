import os

from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient


def test_production_code_stores_a_blob(azurite):
    service = BlobServiceClient(os.environ["AZURE_STORAGE_BLOB_ENDPOINT"], DefaultAzureCredential())
    container = service.create_container("from-testcontainers")
    container.upload_blob("hello", b"Hello")
    assert container.download_blob("hello").readall() == b"Hello"
    assert service.url.startswith("https://127.0.0.1:")
