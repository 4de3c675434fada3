// Finds azup: there is a package with the program for each platform, and npm installs the one that
// fits. Elsewhere (`--omit=optional`, another processor) one on PATH may do.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const platform = `${process.platform}-${process.arch}`;
const name = process.platform === "win32" ? "azup.exe" : "azup";

function onPath() {
  // Under npm, this package's own launcher is on PATH, too; it would start itself.
  const folders = (process.env.PATH || "").split(path.delimiter).filter((folder) => folder && !folder.includes("node_modules"));
  return folders.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file));
}

exports.program = function program() {
  if (process.env.AZUP) return process.env.AZUP;
  try {
    return require.resolve(`azurite-up-${platform}/${name}`);
  } catch {
    const found = onPath();
    if (found) return found;
    throw new Error(
      `azup for ${platform} is not installed: it comes with the optional dependency azurite-up-${platform}`,
    );
  }
};
