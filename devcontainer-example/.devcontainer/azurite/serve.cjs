// Loaded into Azurite before its own code (`node --require`). Azurite alone speaks either
// HTTPS or HTTP, reads its certificate once, and fetches from its own HTTPS URLs in vain. With
// this file one port speaks both, a renewed certificate is served without a restart, and what
// Azurite has acknowledged is kept when it ends. Written by azup, which owns this file.
//
// AZUP_SERVE holds words, separated by spaces:
//   https-only          plain HTTP is refused
//   end-with-stdin      Azurite ends when its standard input is closed
//   leave-with-network  Azurite ends when the container that owns its network is gone
//
// As a program of its own it is the health check: node serve.cjs CA PORT...
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");
const os = require("os");
const tls = require("tls");

const WORDS = (process.env.AZUP_SERVE || "").split(/\s+/);
const TLS_RECORD = 22; // the first byte of every TLS connection
const SILENT = 120000; // ms until a connection without a byte is closed, as Node.js has it for TLS
const DRAIN = 3000; // ms that requests under way get when Azurite ends
// ms without a network after which Azurite leaves. Longer than a restart of the container that owns
// it takes, since the engine tries only once to start Azurite again; shorter than a rebuild by the
// dev container command line, in which docker-compose 1 overlooks a container that still runs.
const ALONE = 1000;
const LINGER = 500; // ms for which Azurite, when it is stopped, looks whether its network goes
const RETURN = 2500; // ms until the container that owns the network runs again
const say = (text) => console.log(`azup: ${text}`);

function healthCheck([ca, ...ports]) {
  const fail = (why) => {
    console.error(String(why));
    process.exit(1);
  };
  setTimeout(fail, 4000, "no answer in 4 seconds").unref();
  for (const port of ports) {
    const ask = { host: "127.0.0.1", port, ca: fs.readFileSync(ca), agent: false };
    const answered = (answer) => {
      if (!/^Azurite-/.test(answer.headers.server)) fail(`port ${port} is not Azurite's`);
      answer.resume();
    };
    https.get(ask, answered).on("error", fail);
  }
}

// The value of Azurite's own option --NAME.
function option(name) {
  const at = process.argv.findIndex((word) => word === name || word.startsWith(`${name}=`));
  if (at < 0) return undefined;
  return process.argv[at].includes("=") ? process.argv[at].slice(name.length + 1) : process.argv[at + 1];
}

const files = { cert: option("--cert"), key: option("--key") };
const servers = []; // of blob, queue and table
const silent = new Set(); // connections without a byte so far
let active = 0; // requests under way
let ending = false;
let finish; // Azurite's own handler of SIGTERM: writes down what it has

// The pair on the disk; undefined while it is missing or its halves do not belong together.
function readPair() {
  try {
    const pair = { cert: fs.readFileSync(files.cert), key: fs.readFileSync(files.key) };
    tls.createSecureContext(pair);
    return pair;
  } catch {
    return undefined;
  }
}

// Azurite would end at once without its certificate, which a container may start before.
function waitForPair() {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let round = 0; !readPair(); round++) {
    if (round === 0) say(`waiting for a certificate: ${files.cert} and ${files.key}`);
    Atomics.wait(pause, 0, 0, 200);
    leaveWithNetwork();
  }
}

const stamp = () =>
  [files.cert, files.key].map((file) => {
    const { ino, size, mtimeMs } = fs.statSync(file, { throwIfNoEntry: false }) || {};
    return [ino, size, mtimeMs].join();
  }).join(" ");

let served; // the stamp of the files that were looked at last

function takeRenewed() {
  const now = stamp();
  if (now === served) return;
  const pair = readPair();
  // Half of a renewal: the other half is a moment away.
  if (!pair) return;
  served = now;
  for (const server of servers) server.setSecureContext({ ...server.azupOptions, ...pair });
  say("serving the renewed certificate");
}

// An answer that every SDK of Azure's shows to its user.
function refuse(request, response, status, code, message, headers) {
  request.resume();
  response.writeHead(status, { "content-type": "application/xml", "x-ms-error-code": code, ...headers });
  response.end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

// Every request on its way to Azurite.
function admit(server, pass, request, response) {
  if (ending) {
    return refuse(request, response, 503, "ServerBusy", "Azurite is stopping.", { connection: "close" });
  }
  if (!request.socket.encrypted && WORDS.includes("https-only")) {
    const message = "This Azurite takes HTTPS only (--https-only): write https:// in the URL.";
    return refuse(request, response, 400, "AccountRequiresHttps", message);
  }
  if (server === servers[0] && /[?&]restype=(share|directory)(&|$)/.test(request.url)) {
    return refuse(request, response, 400, "NotSupported", "Azurite has no file shares.");
  }
  if (server === servers[0] && /[?&]resource=(account|filesystem|directory|file)(&|$)/.test(request.url)) {
    return refuse(request, response, 400, "NotSupported", "Azurite has no Data Lake (dfs) endpoint: use the blob client.");
  }
  active++;
  response.once("close", () => active--);
  return pass("request", request, response);
}

const createServer = https.createServer;
https.createServer = function (options, ...rest) {
  const server = createServer.call(https, options, ...rest);
  const pass = server.emit.bind(server);
  const handshake = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    silent.add(socket);
    const close = () => socket.destroy();
    socket.on("error", close);
    socket.setTimeout(SILENT, close);
    socket.once("close", () => silent.delete(socket));
    socket.once("readable", () => {
      silent.delete(socket);
      const first = socket.read(1);
      if (first === null) return socket.destroy();
      socket.unshift(first);
      socket.setTimeout(0, close);
      // What comes after the handshake in https.Server serves HTTP on any socket.
      if (first[0] === TLS_RECORD) for (const listener of handshake) listener.call(server, socket);
      else pass("secureConnection", socket);
    });
  });
  server.emit = (name, ...args) => (name === "request" ? admit(server, pass, ...args) : pass(name, ...args));
  server.azupOptions = options;
  servers.push(server);
  return server;
};

// Azurite fetches from nobody but itself (copy from a URL), and only after it has compared the
// URL with the Host header, which anybody can write. So such a connection goes to its own blob
// port and nowhere else, whatever the URL's name resolves to here, and past every proxy. This
// very process is at the other end: there is nothing that a certificate could tell.
function fetchFromItselfOnly() {
  for (const name of Object.keys(process.env)) if (/^(http|https|all)_proxy$/i.test(name)) delete process.env[name];
  for (const { Agent } of [http, https]) {
    const connect = Agent.prototype.createConnection;
    Agent.prototype.createConnection = function (options, ...rest) {
      const { address, port } = servers[0].address();
      const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[address] || address;
      return connect.call(this, { ...options, host, port, rejectUnauthorized: false }, ...rest);
    };
  }
}

// Azurite takes what stands before the first dot of a host name for the account, but for the
// names in a set of its own. Here that is so for ACCOUNT.SERVICE.localhost alone: any other name
// that a certificate has (--san) is followed by the account in the path. Rewriting the Host
// header would not do: Azurite compares it with the source of a copy.
function accountsInHostNames() {
  const add = Set.prototype.add;
  Set.prototype.add = function (value) {
    if (value === "host.docker.internal") {
      Set.prototype.add = add;
      this.has = (host) => !/^[a-z0-9-]+\.(blob|queue|table)\.localhost$/.test(host);
    }
    return add.call(this, value);
  };
}

function end(code) {
  if (ending) return;
  ending = true;
  process.exitCode = code;
  const until = Date.now() + DRAIN;
  const wait = () => {
    if (active > 0 && Date.now() < until) return setTimeout(wait, 10);
    // From here on nothing can be acknowledged that is not written down.
    for (const server of servers) server.closeAllConnections();
    for (const socket of silent) socket.destroy();
    if (!finish) process.exit();
    finish();
  };
  wait();
}

const hasNetwork = () => Object.values(os.networkInterfaces()).flat().some((address) => !address.internal);

// docker-compose 1 restarts all containers at once. If Azurite ended before the container that owns
// its network was back, the engine could not start it again, and would not try twice (measured).
// So it looks whether its network goes, too, and then gives that container time.
function outstayNetwork() {
  if (!WORDS.includes("leave-with-network")) return;
  let until = Date.now() + LINGER;
  let gone = false;
  const look = setInterval(() => {
    if (!gone && !hasNetwork()) {
      gone = true;
      until = Date.now() + RETURN;
    }
    if (Date.now() > until) clearInterval(look);
  }, 20);
}

let aloneSince;
function leaveWithNetwork() {
  if (!WORDS.includes("leave-with-network")) return;
  if (hasNetwork()) {
    aloneSince = undefined;
    return;
  }
  aloneSince = aloneSince || Date.now();
  if (Date.now() - aloneSince < ALONE) return;
  say("the network is gone: the dev container was restarted");
  if (servers.length > 0) end(1);
  else process.exit(1);
}

function serve() {
  waitForPair();
  served = stamp();
  fetchFromItselfOnly();
  accountsInHostNames();
  const once = process.once;
  process.once = function (name, listener) {
    if (name !== "SIGINT" && name !== "SIGTERM") return once.call(this, name, listener);
    finish = listener;
    return this;
  };
  for (const signal of ["SIGINT", "SIGTERM"]) {
    once.call(process, signal, outstayNetwork);
    process.on(signal, () => end(0));
  }
  if (WORDS.includes("end-with-stdin")) {
    process.stdin.on("end", () => end(0)).on("error", () => end(0)).resume().unref();
  }
  setInterval(takeRenewed, 1000).unref();
  setInterval(leaveWithNetwork, 250).unref();
}

// Where NODE_OPTIONS names this file, the health check loads it, too.
if (process.argv[1] && fs.realpathSync(process.argv[1]) === __filename) healthCheck(process.argv.slice(2));
else if (files.cert && files.key) serve();
