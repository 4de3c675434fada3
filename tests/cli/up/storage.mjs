// Blobs over verified TLS with a token: node storage.mjs MODULES AZUP BLOB
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

const [modules, azup, blob] = process.argv.slice(2);
const { BlobServiceClient } = createRequire(`${modules}/`)("@azure/storage-blob");

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
