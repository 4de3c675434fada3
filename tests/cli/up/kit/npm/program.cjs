const { startAzurite } = require("azurite-up");
const store = require("./store.cjs");

(async () => {
  const before = process.env.AZURE_STORAGE_BLOB_ENDPOINT;
  const azurite = await startAzurite();
  console.log(await store());
  const [child, , own] = [azurite.connectionString, azurite.assertRunning(), process.env.IDENTITY_HEADER];
  console.log(child.includes(azurite.blob), own === azurite.environment.IDENTITY_HEADER);
  await azurite.stop();
  console.log(process.env.AZURE_STORAGE_BLOB_ENDPOINT === before);
  try {
    azurite.assertRunning();
  } catch (error) {
    console.log(error.message.split("\n")[0], error.message.includes("/hello HTTP"));
  }
})();
