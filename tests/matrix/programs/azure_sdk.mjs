// Production code: stores a blob and, if VAULT_URL is set, a secret, and reads both back; with one
// credential for both services. node azure_sdk.mjs MODULES
import { createRequire } from "node:module";
import process from "node:process";

const load = createRequire(`${process.argv[2]}/`);
const { DefaultAzureCredential } = load("@azure/identity");
const { BlobServiceClient } = load("@azure/storage-blob");

const credential = new DefaultAzureCredential();
const service = new BlobServiceClient(process.env.AZURE_STORAGE_BLOB_ENDPOINT, credential);
const container = service.getContainerClient(`javascript-${process.pid}`);
await container.create();
const blob = container.getBlockBlobClient("greeting");
await blob.upload("a blob", 6);
console.log((await blob.downloadToBuffer()).toString());
for await (const { name } of container.listBlobsFlat()) {
  if (name !== "greeting") throw new Error(`a blob ${name}`);
}

if (process.env.VAULT_URL) {
  const { SecretClient } = load("@azure/keyvault-secrets");
  const vault = new SecretClient(process.env.VAULT_URL, credential);
  await vault.setSecret("greeting", "a secret");
  console.log((await vault.getSecret("greeting")).value);
}
