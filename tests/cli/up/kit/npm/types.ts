import { startAzurite, type Azurite } from "azurite-up";
import setup from "azurite-up/vitest";

export async function check(): Promise<string> {
  const azurite: Azurite = await startAzurite({ options: ["--https-only"], use: false });
  const header: string | null | undefined = azurite.environment["IDENTITY_HEADER"];
  const stop: () => Promise<void> = await setup();
  await stop();
  return azurite.use().connectionString + header + azurite.log();
}
