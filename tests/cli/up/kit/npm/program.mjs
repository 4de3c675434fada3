// Exits without stopping Azurite, which ends anyway.
import { startAzurite } from "azurite-up";
import store from "./store.cjs";

const azurite = await startAzurite({ options: ["--https-only"] });
console.log(await store());
console.log(azurite.document.pid);
