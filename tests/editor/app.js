// Stores and reads a blob, as in production. The result is in ran.txt, for the test.
const { renameSync, writeFileSync } = require('fs');
const { DefaultAzureCredential } = require('@azure/identity');
const { BlobServiceClient } = require('@azure/storage-blob');

const told = { started: Date.now() / 1000, node: process.version };

async function main() {
  const service = new BlobServiceClient(process.env.AZURE_STORAGE_BLOB_ENDPOINT, new DefaultAzureCredential(), {
    retryOptions: { maxTries: 1 },
  });
  told.url = service.url;
  const container = service.getContainerClient('shop');
  await container.createIfNotExists();
  const blob = container.getBlockBlobClient('hello.txt');
  await blob.upload('hello from F5', 13);
  told.text = (await blob.downloadToBuffer()).toString();
}

main()
  .catch((error) => {
    told.error = String(error);
  })
  .finally(() => {
    writeFileSync('ran.part', JSON.stringify(told));
    renameSync('ran.part', 'ran.txt');
  });
