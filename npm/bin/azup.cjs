#!/usr/bin/env node
// Runs the program and passes on its exit code, or the signal that ended it.
"use strict";
const { spawn } = require("node:child_process");
const { program } = require("../lib/program.cjs");

let file;
try {
  file = program();
} catch (error) {
  console.error(`error: ${error.message}\nhint: npm install --include=optional azurite-up`);
  process.exit(1);
}
const child = spawn(file, process.argv.slice(2), {
  stdio: "inherit",
  // The Node.js that npm runs on will do for Azurite. azup calls itself by name where PATH leads here.
  env: { ...process.env, AZUP_NODE: process.execPath, AZUP_LAUNCHER: __filename },
});
// Ctrl-C in a terminal reaches both. Signals to this process alone are passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
  process.on(signal, () => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on("error", (error) => {
  console.error(`error: cannot start ${file}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (!signal) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
