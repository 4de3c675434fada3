"""Blobs, queues and tables by shared key, as in code for a plain Azurite, and copies that Azurite
fetches from itself: python everything.py SCHEME://HOST[/ACCOUNT] BLOB QUEUE TABLE CA

HOST may contain SERVICE, for a name for each service. Names resolve to 127.0.0.1 here."""

import datetime
import os
import socket
import sys

from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas
from azure.storage.queue import QueueServiceClient

url, blob, queue, table, ca = sys.argv[1:]
scheme, rest = url.split("://")
host, _, account = rest.partition("/")
key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda name, *rest, **more: look_up("127.0.0.1", *rest, **more)


def endpoint(service, port):
    return f"{scheme}://{host.replace('SERVICE', service)}:{port}" + (account and f"/{account}")


string = (
    f"DefaultEndpointsProtocol={scheme};AccountName=devstoreaccount1;AccountKey={key};"
    f"BlobEndpoint={endpoint('blob', blob)};QueueEndpoint={endpoint('queue', queue)};"
    f"TableEndpoint={endpoint('table', table)};"
)
how = {"retry_total": 0, "connection_verify": ca}
mark = os.urandom(4).hex()
body = os.urandom(100_000)

blobs = BlobServiceClient.from_connection_string(string, **how)
container = blobs.create_container(mark)
source = container.upload_blob("a", body)
assert container.download_blob("a").readall() == body
assert [each.name for each in container.list_blobs()] == ["a"]

signature = generate_blob_sas(
    "devstoreaccount1",
    mark,
    "a",
    account_key=key,
    permission=BlobSasPermissions(read=True),
    expiry=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1),
)
for name, what in [("plain", source.url), ("sas", f"{source.url}?{signature}")]:
    container.get_blob_client(name).start_copy_from_url(what)
    assert container.download_blob(name).readall() == body, name
block = container.get_blob_client("block")
block.stage_block_from_url("AAAA", f"{source.url}?{signature}")
block.commit_block_list(["AAAA"])
assert block.download_blob().readall() == body

messages = QueueServiceClient.from_connection_string(string, **how).create_queue(f"q{mark}")
messages.send_message("a message")
assert next(messages.receive_messages()).content == "a message"

rows = TableServiceClient.from_connection_string(string, **how).create_table(f"t{mark}")
rows.create_entity({"PartitionKey": "p", "RowKey": "r", "text": "an entity"})
assert rows.get_entity("p", "r")["text"] == "an entity"
print("all")
