import { expect, test } from "vitest";
import store from "./store.cjs";

test("stores", async () => expect(await store()).toBe(store.WANTED));
