// Production code that needs a token for Storage and one for Key Vault: with one credential for both,
// then with one for each. Prints "local" for azup's own tokens, the others unchanged.
// node foreign.mjs MODULES default|managed
import { createRequire } from "node:module";

const load = createRequire(`${process.argv[2]}/`);
const identity = load("@azure/identity");
const Kind = {
  default: identity.DefaultAzureCredential,
  managed: identity.ManagedIdentityCredential,
}[process.argv[3]];

const shared = new Kind();
for (const credential of [() => shared, () => new Kind()]) {
  for (const name of ["storage.azure.com", "vault.azure.net"]) {
    try {
      const { token } = await credential().getToken(`https://${name}/.default`);
      console.log(token.endsWith(".") ? "local" : token);
    } catch (error) {
      console.log("refused:", error.message.replaceAll(/\s+/g, " "));
    }
  }
}
