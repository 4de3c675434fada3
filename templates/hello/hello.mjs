import { DefaultAzureCredential } from "@azure/identity";
import { BlobServiceClient } from "@azure/storage-blob";

const url = process.env.AZURE_STORAGE_BLOB_ENDPOINT;
const hello = new BlobServiceClient(url, new DefaultAzureCredential()).getContainerClient("hello");
await hello.createIfNotExists();
const blob = hello.getBlockBlobClient("hello.txt");
await blob.uploadData(Buffer.from("Hello, Azurite"));
console.log(String(await blob.downloadToBuffer()));
