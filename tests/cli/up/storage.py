"""Blobs, queues and tables over verified TLS with a token: python storage.py AZUP BLOB QUEUE TABLE"""

import json
import subprocess
import sys

from azure.core.credentials import AccessToken
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

azup, blob, queue, table = sys.argv[1:]


class LocalCredential:
    def get_token(self, *scopes, **options):
        assert scopes == ("https://storage.azure.com/.default",), scopes
        command = [azup, "token", "--json", "--resource", *scopes]
        answer = json.loads(subprocess.check_output(command))
        return AccessToken(answer["access_token"], answer["expires_on"])


credential = LocalCredential()

container = BlobServiceClient(blob, credential).create_container("from-python")
container.upload_blob("greeting", b"a blob")
print(container.download_blob("greeting").readall().decode())

messages = QueueServiceClient(queue, credential).create_queue("from-python")
messages.send_message("a message")
print(next(messages.receive_messages()).content)

rows = TableServiceClient(table, credential=credential).create_table("frompython")
rows.create_entity({"PartitionKey": "p", "RowKey": "r", "text": "an entity"})
print(rows.get_entity("p", "r")["text"])
