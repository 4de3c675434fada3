"""Code written for a plain Azurite: python development.py"""

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

container = BlobServiceClient.from_connection_string("UseDevelopmentStorage=true").create_container("dev")
container.upload_blob("greeting", b"a blob")
print(container.download_blob("greeting").readall().decode())
queue = QueueServiceClient.from_connection_string("UseDevelopmentStorage=true").create_queue("dev")
queue.send_message("a message")
print(next(queue.receive_messages()).content)
