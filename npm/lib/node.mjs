// `node --import azurite-up/node --test`: the runner starts an Azurite; its children, and threads,
// have its variables and only need to trust it.
import kit from "./index.cjs";
import "./trust.cjs";

if (!process.env.AZUP_TEST_CA) await kit.startAzurite();

// The names that `node --test-global-setup` calls; by then all is done.
export function globalSetup() {}
export function globalTeardown() {}
