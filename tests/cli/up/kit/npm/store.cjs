// Production code, which all the tests in this folder run.
const { BlobServiceClient } = require("@azure/storage-blob");
const { DefaultAzureCredential } = require("@azure/identity");
const https = require("node:https");

module.exports = async function store() {
  const url = process.env.AZURE_STORAGE_BLOB_ENDPOINT;
  const name = `test-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const container = new BlobServiceClient(url, new DefaultAzureCredential()).getContainerClient(name);
  await container.create();
  await container.uploadBlockBlob("hello", "Hello", 5);
  const stored = (await container.getBlobClient("hello").downloadToBuffer()).toString();
  // Node.js's own clients trust it, too; code that names its own CAs is left alone.
  const fetched = (await fetch(url)).status;
  const asked = (ca) =>
    new Promise((resolve) => {
      https.get(url, { ca }, (answer) => resolve(answer.resume().statusCode)).on("error", (error) => resolve(error.code));
    });
  const others = require("node:tls").rootCertificates.slice(0, 1);
  return [stored, fetched, await asked(undefined), await asked(others)].join(" ");
};
module.exports.WANTED = "Hello 400 400 UNABLE_TO_VERIFY_LEAF_SIGNATURE";
