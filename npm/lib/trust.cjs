// Makes this thread of Node.js trust one more CA. NODE_EXTRA_CA_CERTS cannot do that: Node.js reads
// it once, when the process starts. All other certificates are still verified as before.
//
// Loaded by itself (`setupFiles: ["azurite-up/trust"]`, for workers that are threads), it takes the
// CA of the Azurite that the main thread has started.
"use strict";
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const tls = require("node:tls");

const trusted = new Set();
let plain; // the original tls.createSecureContext

function trust(file) {
  const pem = fs.readFileSync(file, "utf8");
  if (trusted.has(pem)) return;
  trusted.add(pem);
  if (tls.setDefaultCACertificates) {
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), pem]);
  } else if (!plain) {
    // Before Node.js 22.19 and 24.5: every context that names no CAs of its own gets ours in
    // addition to the usual ones.
    plain = tls.createSecureContext;
    tls.createSecureContext = function createSecureContext(options) {
      const secure = plain.call(this, options);
      if (!options || !options.ca) for (const pem of trusted) secure.context.addCACert(pem);
      return secure;
    };
    syncBuiltinESMExports();
  }
}

exports.trust = trust;
if (process.env.AZUP_TEST_CA) trust(process.env.AZUP_TEST_CA);
