// A token for a service that no emulator stands in for: node vault.mjs MODULES
import { createRequire } from "node:module";

const { DefaultAzureCredential } = createRequire(`${process.argv[2]}/`)("@azure/identity");
console.log((await new DefaultAzureCredential().getToken("https://vault.azure.net/.default")).token);
