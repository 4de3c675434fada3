// Production code: it knows the URLs and DefaultAzureCredential, and nothing of azup.
// node production.mjs MODULES
import { createRequire } from "node:module";

const load = createRequire(`${process.argv[2]}/`);
const { DefaultAzureCredential } = load("@azure/identity");
const { BlobServiceClient } = load("@azure/storage-blob");
const { QueueServiceClient } = load("@azure/storage-queue");
const { TableClient } = load("@azure/data-tables");
const { env } = process;

const credential = new DefaultAzureCredential();

const blobs = new BlobServiceClient(env.AZURE_STORAGE_BLOB_ENDPOINT, credential);
const container = blobs.getContainerClient("from-javascript");
await container.create();
const blob = container.getBlockBlobClient("greeting");
await blob.upload("a blob", 6);
console.log((await blob.downloadToBuffer()).toString());

const queues = new QueueServiceClient(env.AZURE_STORAGE_QUEUE_ENDPOINT, credential);
const messages = queues.getQueueClient("from-javascript");
await messages.create();
await messages.sendMessage("a message");
console.log((await messages.receiveMessages()).receivedMessageItems[0].messageText);

const rows = new TableClient(env.AZURE_STORAGE_TABLE_ENDPOINT, "fromjavascript", credential);
await rows.createTable();
await rows.createEntity({ partitionKey: "p", rowKey: "r", text: "an entity" });
console.log((await rows.getEntity("p", "r")).text);
