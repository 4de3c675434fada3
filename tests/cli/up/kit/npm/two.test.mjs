import assert from "node:assert/strict";
import test from "node:test";
import store from "./store.cjs";

test("stores", async () => assert.equal(await store(), store.WANTED));
