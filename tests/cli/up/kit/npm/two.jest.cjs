const store = require("./store.cjs");

test("stores", async () => expect(await store()).toBe(store.WANTED));
