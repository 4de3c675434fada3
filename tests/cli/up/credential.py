"""What an application does in Azure, with other URLs: python credential.py BLOB QUEUE TABLE"""

import sys

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

blob, queue, table = sys.argv[1:]
credential = DefaultAzureCredential()

container = BlobServiceClient(blob, credential).get_container_client("from-python")
if not container.exists():
    container.create_container()
container.upload_blob("greeting", b"a blob", overwrite=True)
print(container.download_blob("greeting").readall().decode())

messages = QueueServiceClient(queue, credential).get_queue_client("from-python")
try:
    messages.create_queue()
except ResourceExistsError:
    pass
messages.send_message("a message")
message = next(messages.receive_messages())
messages.delete_message(message)
print(message.content)

rows = TableServiceClient(table, credential=credential).create_table_if_not_exists("frompython")
rows.upsert_entity({"PartitionKey": "p", "RowKey": "r", "text": "an entity"})
print(rows.get_entity("p", "r")["text"])
