"""Production code, with each way in which Python verifies a certificate."""

import os
import subprocess
import sys

# Before Azurite runs, as a module under test imports them.
import aiohttp
import httpx
import obstore.store
import pyarrow.fs
import pytest
import requests
from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncCredential
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.blob.aio import ContainerClient as AsyncContainerClient


@pytest.mark.parametrize("round", [1, 2])
def test_each_test_has_an_empty_container(azurite_container, round):
    client = ContainerClient.from_container_url(azurite_container.url, DefaultAzureCredential())
    assert list(client.list_blobs()) == []
    client.upload_blob("hello", b"Hello")
    assert client.download_blob("hello").readall() == b"Hello"


@pytest.mark.asyncio
async def test_async_code(azurite_container):
    async with AsyncCredential() as credential:
        async with AsyncContainerClient.from_container_url(azurite_container.url, credential) as client:
            await client.upload_blob("hello", b"Hello")


@pytest.mark.asyncio
async def test_a_session_of_aiohttp(azurite):
    async with aiohttp.ClientSession() as session, session.get(azurite.blob) as answer:
        assert answer.status == 400


def test_connection_string(azurite):
    assert azurite.connection_string == os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    assert service.get_service_properties()
    assert azurite.key in azurite.connection_string and azurite.account in azurite.connection_string


def test_requests_and_httpx(azurite):
    assert requests.get(azurite.blob).status_code == 400
    assert httpx.get(azurite.blob).status_code == 400


def test_a_child(azurite):
    code = "import os, requests; print(requests.get(os.environ['AZURE_STORAGE_BLOB_ENDPOINT']).status_code)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.stdout == "400\n", child.stderr


def test_a_client_that_is_written_in_rust(azurite_container):
    store = obstore.store.from_url(f"az://{azurite_container.name}")
    store.put("hello", b"Hello")
    assert bytes(store.get("hello").bytes()) == b"Hello"


def test_a_client_that_is_written_in_cpp(azurite_container):
    host, account = azurite_container.url.removeprefix("https://").split("/")[:2]
    files, path = pyarrow.fs.FileSystem.from_uri(f"abfs://{account}@{host}/{azurite_container.name}/hello")
    with files.open_output_stream(path) as stream:
        stream.write(b"Hello")
    assert files.open_input_stream(path).read() == b"Hello"
