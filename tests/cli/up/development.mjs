// Code written for a plain Azurite: node development.mjs MODULES
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const { BlobServiceClient } = require("@azure/storage-blob");
const { QueueServiceClient } = require("@azure/storage-queue");

const container = BlobServiceClient.fromConnectionString("UseDevelopmentStorage=true").getContainerClient("dev-js");
await container.create();
const client = container.getBlockBlobClient("greeting");
await client.upload("a blob", 6);
console.log((await client.downloadToBuffer()).toString());
const queue = QueueServiceClient.fromConnectionString("UseDevelopmentStorage=true").getQueueClient("dev-js");
await queue.create();
await queue.sendMessage("a message");
console.log((await queue.receiveMessages()).receivedMessageItems[0].messageText);
