"""Every way to open storage besides a token, over verified TLS: python keys.py BLOB QUEUE TABLE"""

import sys
from datetime import datetime, timedelta, timezone

from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import (
    AccountSasPermissions,
    BlobClient,
    BlobServiceClient,
    ContainerClient,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.queue import QueueServiceClient

blob, queue, table = sys.argv[1:]
# The account and key that every Azurite has; they are public.
account = "devstoreaccount1"
key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
connection = (
    f"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={key};"
    f"BlobEndpoint={blob};QueueEndpoint={queue};TableEndpoint={table};"
)
now = datetime.now(timezone.utc)
start, expiry = now - timedelta(minutes=5), now + timedelta(hours=1)


def read(client):
    return client.download_blob().readall().decode()


service = BlobServiceClient(blob, credential={"account_name": account, "account_key": key})
container = service.create_container("kept")
greeting = container.upload_blob("greeting", b"a blob")
print("shared key:", read(greeting))

messages = QueueServiceClient.from_connection_string(connection).create_queue("kept")
messages.send_message("a message")
rows = TableServiceClient.from_connection_string(connection).create_table("kept")
rows.create_entity({"PartitionKey": "p", "RowKey": "r", "text": "an entity"})
print(
    "connection string: "
    + ", ".join(
        [
            read(BlobClient.from_connection_string(connection, "kept", "greeting")),
            next(messages.receive_messages()).content,
            rows.get_entity("p", "r")["text"],
        ]
    )
)

sas = generate_account_sas(
    account, key, ResourceTypes(object=True), AccountSasPermissions(read=True), expiry
)
print("account SAS:", read(BlobClient(blob, "kept", "greeting", credential=sas)))

sas = generate_blob_sas(account, "kept", "greeting", account_key=key, permission="r", expiry=expiry)
print("service SAS of a blob:", read(BlobClient(blob, "kept", "greeting", credential=sas)))

sas = generate_container_sas(account, "kept", account_key=key, permission="rl", expiry=expiry)
scoped = ContainerClient(blob, "kept", credential=sas)
# In Azure, too, such a SAS does not give access to the container's own properties.
try:
    probe = "exists" if scoped.exists() else "missing"
except HttpResponseError as error:
    assert error.status_code == 403, error
    probe = "its properties are refused"
print(f"service SAS of a container: {probe},", read(scoped.get_blob_client("greeting")))
sas = generate_account_sas(
    account, key, ResourceTypes(container=True), AccountSasPermissions(read=True), expiry
)
scoped = ContainerClient(blob, "kept", credential=sas)
print("account SAS of containers:", "exists" if scoped.exists() else "missing")

service = BlobServiceClient(blob, credential=DefaultAzureCredential())
delegated = service.get_user_delegation_key(start, expiry)
for permission in ["r", "rwl", "rwdlac"]:
    sas = generate_container_sas(
        account, "kept", user_delegation_key=delegated, permission=permission, start=start, expiry=expiry
    )
    scoped = ContainerClient(blob, "kept", credential=sas)
    done = [read(scoped.get_blob_client("greeting"))]
    if "w" in permission:
        scoped.upload_blob("written", b"x", overwrite=True)
        done.append("written")
    if "l" in permission:
        assert "written" in list(scoped.list_blob_names())
        done.append("listed")
    print(f"user delegation SAS {permission}:", ", ".join(done))

try:
    read(BlobClient(blob, "kept", "greeting"))
except HttpResponseError:
    print("without any: refused")
