// For `--test-global-setup` in CommonJS; `node --import azurite-up/node` takes the ESM form.
"use strict";
const setup = require("./setup.cjs");

let stop;
exports.globalSetup = async () => {
  stop = await setup();
};
exports.globalTeardown = () => stop();
