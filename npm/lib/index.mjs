import kit from "./index.cjs";

export const { startAzurite, Azurite } = kit;
