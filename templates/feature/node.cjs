// Loaded before a Node.js program that F5 starts: launch.json names it, `azup init` has written it
// and owns it. On this machine `azup trust` keeps a block in .env that says where Azurite is and who
// gives the tokens: it runs before F5. Those variables are set here, where nobody has set them
// already, and the project's CA is trusted beside the others. In the dev container, whose own
// variables count, the block is empty; without azup there is none: then nothing happens here.
'use strict';
const { readFileSync } = require('fs');
const { join } = require('path');
const tls = require('tls');

function text(...path) {
  try {
    return readFileSync(join(__dirname, '..', ...path), 'utf8');
  } catch {
    return '';
  }
}

const [, block = ''] = /^# azup: .*\n([^]*?)^# azup: end$/m.exec(text('..', '.env').replaceAll('\r', '')) ?? [];
const lines = [...block.matchAll(/^(\w+)=(['"]?)(.*)\2$/gm)];
for (const [, name, , value] of lines) process.env[name] ??= value;

const ca = text('azurite-certs', 'ca.pem');
// NODE_EXTRA_CA_CERTS is read once, when Node.js starts.
if (lines.length && ca) {
  if (tls.setDefaultCACertificates) {
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), ca]);
  } else {
    // Before Node.js 22.19 and 24.5. Whoever names the CAs to trust has said all.
    const { createSecureContext } = tls;
    tls.createSecureContext = (options) => {
      const made = createSecureContext(options);
      if (!options?.ca) made.context.addCACert(ca);
      return made;
    };
  }
}
