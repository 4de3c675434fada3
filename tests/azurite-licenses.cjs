// The licences of the packages that npm has installed in this folder, as one text: whoever passes
// on the one file that they become has to pass on these with it.
"use strict";
const fs = require("fs");
const { join } = require("path");

const lock = JSON.parse(fs.readFileSync("node_modules/.package-lock.json"));
for (const folder of Object.keys(lock.packages).sort()) {
  if (!fs.existsSync(folder)) continue; // for another processor
  const about = JSON.parse(fs.readFileSync(join(folder, "package.json")));
  const license = about.license ?? about.licenses ?? "see below";
  const name = typeof license === "string" ? license : JSON.stringify(license);
  console.log(`${"=".repeat(80)}\n${about.name} ${about.version}: ${name}\n`);
  const texts = fs.readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  for (const file of texts.sort()) {
    const path = join(folder, file);
    if (fs.statSync(path).isFile()) console.log(fs.readFileSync(path, "utf8").trimEnd() + "\n");
  }
}
