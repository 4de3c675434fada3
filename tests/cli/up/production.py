"""Production code: it knows the URLs and DefaultAzureCredential, and nothing of azup."""

from os import environ

from azure.data.tables import TableServiceClient
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

credential = DefaultAzureCredential()

service = BlobServiceClient(environ["AZURE_STORAGE_BLOB_ENDPOINT"], credential)
container = service.create_container("from-python")
container.upload_blob("greeting", b"a blob")
print(container.download_blob("greeting").readall().decode())

messages = QueueServiceClient(environ["AZURE_STORAGE_QUEUE_ENDPOINT"], credential).create_queue("from-python")
messages.send_message("a message")
print(next(messages.receive_messages()).content)

tables = TableServiceClient(environ["AZURE_STORAGE_TABLE_ENDPOINT"], credential=credential)
rows = tables.create_table("frompython")
rows.create_entity({"PartitionKey": "p", "RowKey": "r", "text": "an entity"})
print(rows.get_entity("p", "r")["text"])
