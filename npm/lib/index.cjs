// An Azurite for tests: started by `azup up --until-eof`, which ends with this process, however
// that happens.
"use strict";
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const { program } = require("./program.cjs");
const { trust } = require("./trust.cjs");

const LAST_LINES = 20;

class Azurite {
  #child;
  #before;

  constructor(child, document) {
    this.#child = child;
    this.document = document;
    const { blob, queue, table, account, key, ca, environment } = document;
    Object.assign(this, { blob, queue, table, account, key, ca, environment });
    this.connectionString = document.connection_string;
  }

  /** All that Azurite has written to its log. */
  log() {
    return fs.readFileSync(this.document.log, "utf8");
  }

  /** Throws, with the last lines of the log, where Azurite has ended. */
  assertRunning() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    const lines = this.log().trimEnd().split("\n").slice(-LAST_LINES);
    throw new Error(["Azurite has ended; the last lines of its log:", ...lines].join("\n"));
  }

  /** Sets the variables for this process and those that it starts, and trusts the CA here. */
  use() {
    if (this.#before) return this;
    this.#before = {};
    for (const [name, value] of Object.entries({ ...this.environment, AZUP_TEST_CA: this.ca })) {
      this.#before[name] = process.env[name];
      set(name, value);
    }
    trust(this.ca);
    return this;
  }

  /** Ends Azurite, and restores the variables. */
  async stop() {
    for (const [name, value] of Object.entries(this.#before || {})) set(name, value);
    this.#before = undefined;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    await ended;
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    await this.stop();
  }
}

function set(name, value) {
  if (value === null || value === undefined) delete process.env[name];
  else process.env[name] = value;
}

// The one document on standard output, which stays open after it.
function answer(child) {
  return new Promise((resolve, reject) => {
    let text = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (more) => {
      text += more;
      if (!text.endsWith("\n}\n")) return;
      const document = JSON.parse(text);
      if (!document.error) resolve(document);
    });
    child.stderr.setEncoding("utf8").on("data", (more) => (errors = (errors + more).slice(-10000)));
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(errors.trim() || `azup ended with exit code ${code}`)));
  });
}

/**
 * Starts an Azurite of its own: in memory, on ports that are free, over HTTPS, with tokens.
 * `options`: further options of `azup up`. `use: false`: leave process.env and trust alone.
 */
async function startAzurite({ options = [], use = true } = {}) {
  const child = spawn(program(), ["up", "--json", "--until-eof", ...options], {
    stdio: "pipe",
    env: { ...process.env, AZUP_NODE: process.execPath },
  });
  const document = await answer(child);
  // Nothing here keeps this process from ending, and Azurite ends with it.
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) handle.unref();
  const azurite = new Azurite(child, document);
  return use ? azurite.use() : azurite;
}

module.exports = { startAzurite, Azurite };
