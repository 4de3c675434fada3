"""The same as production.py with the asynchronous clients."""

import asyncio
from os import environ

from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient


async def main():
    async with (
        DefaultAzureCredential() as credential,
        BlobServiceClient(environ["AZURE_STORAGE_BLOB_ENDPOINT"], credential) as blobs,
        QueueServiceClient(environ["AZURE_STORAGE_QUEUE_ENDPOINT"], credential) as queues,
        TableServiceClient(environ["AZURE_STORAGE_TABLE_ENDPOINT"], credential=credential) as tables,
    ):
        container = await blobs.create_container("from-asyncio")
        await container.upload_blob("greeting", b"a blob")
        blob = await container.download_blob("greeting")
        print((await blob.readall()).decode())

        messages = await queues.create_queue("from-asyncio")
        await messages.send_message("a message")
        async for message in messages.receive_messages():
            print(message.content)

        rows = await tables.create_table("fromasyncio")
        await rows.create_entity({"PartitionKey": "p", "RowKey": "r", "text": "an entity"})
        print((await rows.get_entity("p", "r"))["text"])


asyncio.run(main())
