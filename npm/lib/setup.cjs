// The global set-up of vitest and jest: one Azurite for the whole run. Workers that are processes
// inherit everything in their environment.
"use strict";
const { startAzurite } = require("./index.cjs");

module.exports = async function setup() {
  const azurite = await startAzurite();
  // Only vitest calls it; for jest Azurite ends with the process.
  return () => azurite.stop();
};
