// Makes one file of the Azurite that npm has installed in this folder, and starts it once: what is
// kept has answered on all three services. Without the hundreds of packages it starts in half the
// time and takes a fortieth of the room. Run in that folder by azup, which owns this file:
//
//   node bundle.cjs
//
// It leaves azurite.cjs and, last of all, bundle.json, which says what is in it.
"use strict";
const { createHash } = require("crypto");
const { spawn } = require("child_process");
const fs = require("fs");
const http = require("http");
const { join } = require("path");

const BUNDLE = "azurite.cjs";
const SERVICES = ["Blob", "Queue", "Table"];
const PATIENCE = 60000; // ms until the three services answer

const modules = join(process.cwd(), "node_modules");
const about = (name) => JSON.parse(fs.readFileSync(join(modules, name, "package.json")));
const azurite = about("azurite");

function bundle() {
  require(join(modules, "esbuild")).buildSync({
    entryPoints: [join(modules, "azurite", azurite.bin.azurite)],
    outfile: BUNDLE,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node20",
    // Named by sequelize for PostgreSQL alone, and not among Azurite's packages.
    external: ["pg-hstore"],
    legalComments: "eof",
    logLevel: "error",
  });
}

// Whether this port is that service, of this version.
function ask(service, port) {
  return new Promise((resolve, reject) => {
    const answered = (answer) => {
      const expected = `Azurite-${service}/${azurite.version}`;
      const found = answer.headers.server;
      answer.resume();
      if (found === expected) resolve();
      else reject(new Error(`port ${port} is ${found}, not ${expected}`));
    };
    http.get({ host: "127.0.0.1", port, agent: false }, answered).on("error", reject);
  });
}

async function check() {
  const argv = [BUNDLE, "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"];
  for (const service of SERVICES) {
    const name = service.toLowerCase();
    argv.push(`--${name}Host`, "127.0.0.1", `--${name}Port`, "0");
  }
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  try {
    const ports = await new Promise((resolve, reject) => {
      const late = () => reject(new Error(`no answer in ${PATIENCE / 1000} s: ${words}`));
      setTimeout(late, PATIENCE).unref();
      const more = (text) => {
        words += text;
        const seen = SERVICES.map((service) =>
          new RegExp(`${service} service is successfully (?:listening|listens) (?:at|on) http://127\\.0\\.0\\.1:(\\d+)`).exec(words),
        );
        if (seen.every(Boolean)) resolve(seen.map((match) => match[1]));
      };
      child.stdout.on("data", more);
      child.stderr.on("data", more);
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`it ended: ${words}`)));
    });
    await Promise.all(SERVICES.map((service, at) => ask(service, ports[at])));
  } finally {
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
  }
}

async function main() {
  bundle();
  await check();
  const sha256 = createHash("sha256").update(fs.readFileSync(BUNDLE)).digest("hex");
  const made = { azurite: azurite.version, esbuild: about("esbuild").version, sha256 };
  fs.writeFileSync("bundle.json", `${JSON.stringify(made, null, 2)}\n`);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
