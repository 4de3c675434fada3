// What an application does in Azure, with other URLs: node credential.mjs MODULES BLOB QUEUE TABLE
import { createRequire } from "node:module";

const [modules, blob, queue, table] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const { DefaultAzureCredential } = load("@azure/identity");
const { BlobServiceClient } = load("@azure/storage-blob");
const { QueueServiceClient } = load("@azure/storage-queue");
const { TableClient } = load("@azure/data-tables");

const credential = new DefaultAzureCredential();

const container = new BlobServiceClient(blob, credential).getContainerClient("from-javascript");
await container.createIfNotExists();
const client = container.getBlockBlobClient("greeting");
await client.upload("a blob", 6);
console.log((await client.downloadToBuffer()).toString());

const messages = new QueueServiceClient(queue, credential).getQueueClient("from-javascript");
await messages.createIfNotExists();
await messages.sendMessage("a message");
const [message] = (await messages.receiveMessages()).receivedMessageItems;
await messages.deleteMessage(message.messageId, message.popReceipt);
console.log(message.messageText);

const rows = new TableClient(table, "fromjavascript", credential);
await rows.createTable();
await rows.upsertEntity({ partitionKey: "p", rowKey: "r", text: "an entity" });
console.log((await rows.getEntity("p", "r")).text);
