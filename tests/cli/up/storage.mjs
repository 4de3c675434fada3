// Blobs over verified TLS with a token, and a copy that Azurite fetches from itself by a signed URL:
// node storage.mjs MODULES AZUP BLOB KEY
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

const [modules, azup, blob, key] = process.argv.slice(2);
const { BlobServiceClient, BlockBlobClient, StorageSharedKeyCredential } =
  createRequire(`${modules}/`)("@azure/storage-blob");

const credential = {
  getToken: async () => {
    const answer = JSON.parse(execFileSync(azup, ["token", "--json"]));
    return { token: answer.access_token, expiresOnTimestamp: answer.expires_on * 1000 };
  },
};
const container = new BlobServiceClient(blob, credential).getContainerClient("from-javascript");
await container.create();
const client = container.getBlockBlobClient("greeting");
await client.upload("a blob", 6);
console.log((await client.downloadToBuffer()).toString());

const signing = new BlockBlobClient(client.url, new StorageSharedKeyCredential("devstoreaccount1", key));
const expiresOn = new Date(Date.now() + 3600000);
const url = await signing.generateSasUrl({ permissions: "r", expiresOn });
const copied = container.getBlockBlobClient("copied");
await copied.syncCopyFromURL(url);
console.log((await copied.downloadToBuffer()).toString());
