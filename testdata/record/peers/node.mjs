// WebSocket peers on Node: ws as client and server, and the client that Node has built in.
import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { readFileSync } from "node:fs";
import { WebSocket as Undici } from "undici";
import WebSocket, { WebSocketServer } from "ws";
import { Record, counters, message, say } from "./log.mjs";
import { play } from "./play.mjs";
import { Shared, WsPeer } from "./wspeer.mjs";

const conf = JSON.parse(process.argv[2]);
const versionOf = (name) => JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version;
const version = versionOf("ws");
const software = {
  ws: `ws ${version} on Node ${process.versions.node}`,
  undici: `undici ${process.versions.undici} built into Node ${process.versions.node}`,
  undici7: `undici ${versionOf("undici")} on Node ${process.versions.node}`,
}[conf.stack];

const pem = conf.cert && readFileSync(conf.cert); // there is TLS: the key, and who is trusted
const scheme = pem ? "wss" : "ws";

function wsServer() {
  const page = (request, response) => response.end("plain HTTP\n");
  const own = conf.tls_fault === "by-name" ? {} : { key: pem, cert: pem };
  const server = pem ? https.createServer({ ...own, maxVersion: conf.tls_max }, page) : http.createServer(page);
  if (conf.tls_fault === "by-name") server.addContext("localhost", { key: pem, cert: pem });
  const options = {
    server,
    autoPong: false,
    perMessageDeflate: conf.deflate ?? false,
    maxPayload: conf.max_payload ?? 1 << 20,
  };
  if (conf.subprotocol) options.handleProtocols = (offered) => (offered.has(conf.subprotocol) ? conf.subprotocol : false);
  if (conf.deny) {
    options.verifyClient = ({ req }, answer) => {
      const record = newServerRecord(req, conf.deny);
      record.print();
      answer(false, conf.deny, undefined, { "WWW-Authenticate": "Bearer" });
    };
  }
  const wss = new WebSocketServer(options);
  wss.on("headers", (headers, req) => {
    req.extensions = headers.find((line) => line.startsWith("Sec-WebSocket-Extensions: "))?.slice(26) ?? "";
  });
  wss.on("wsClientError", (error, socket, req) => {
    const record = newServerRecord(req);
    record.error = error.message;
    delete record.status; // the library chose it and does not tell
    record.print();
  });
  wss.on("connection", (ws, req) => {
    const record = newServerRecord(req, 101);
    record.opened = true;
    record.subprotocol = ws.protocol;
    record.extensions = req.extensions;
    play(new WsPeer(ws, record, conf.play), conf.play ?? "echo");
  });
  server.listen(conf.port, conf.host, () => say({ event: "listening" }));
}

function newServerRecord(req, status) {
  const record = new Record("server", software, req.url, counters());
  record.status = status;
  record.client_port = req.socket.remotePort;
  record.server_port = req.socket.localPort;
  return record;
}

// agentAfterHttp asks for plain pages first, on the connection that the upgrade then uses.
async function agentAfterHttp() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < conf.http_first; i++) {
    await new Promise((done) => {
      http.get({ host: conf.host, port: conf.port, path: `/page/${i}`, agent }, (response) => response.resume().on("end", done));
    });
  }
  return agent;
}

async function wsClient() {
  const record = new Record("client", software, conf.target, counters());
  record.server_port = conf.port;
  const options = {
    autoPong: false,
    perMessageDeflate: conf.deflate ?? false,
    handshakeTimeout: conf.give_up_ms ?? 5000,
    origin: conf.origin,
    headers: pem ? { Host: `localhost:${conf.port}` } : conf.headers,
  };
  if (conf.local_port) record.client_port = options.localPort = conf.local_port;
  if (conf.http_first) options.agent = await agentAfterHttp();
  else {
    options.createConnection = (o) => {
      const socket = pem ? tls.connect({ ...o, path: undefined, ca: conf.tls_fault === "unknown-ca" ? [] : pem, maxVersion: conf.tls_max, servername: "localhost" }) : net.connect({ ...o, path: undefined });
      socket.on("connect", () => (record.client_port = socket.localPort));
      return socket;
    };
  }
  const url = `${scheme}://${conf.host.includes(":") ? `[${conf.host}]` : conf.host}:${conf.port}${conf.target}`;
  const ws = new WebSocket(url, conf.subprotocols ?? [], options);
  const peer = new WsPeer(ws, record, conf.play);
  ws.on("upgrade", (response) => {
    record.status = 101;
    record.client_port = response.socket.localPort;
    record.extensions = response.headers["sec-websocket-extensions"] ?? "";
    record.subprotocol = response.headers["sec-websocket-protocol"] ?? "";
  });
  ws.on("unexpected-response", (request, response) => {
    record.status = response.statusCode;
    record.print();
    response.on("end", () => request.socket.destroy()).resume();
  });
  ws.on("open", () => {
    record.opened = true;
    play(peer, conf.play);
  });
}

class BuiltInPeer extends Shared {
  constructor(ws, record) {
    super(record);
    this.ws = ws;
    ws.onmessage = ({ data }) => {
      const text = typeof data === "string";
      this.log.received.push(message(text ? "text" : "binary", Buffer.from(data)));
    };
    ws.onclose = ({ code, reason }) => {
      this.over = true;
      this.log.close_received = code === 1006 ? null : { code, reason };
      record.print();
    };
  }

  send(kind, data) {
    this.log.sent.push(message(kind, data));
    this.ws.send(kind === "text" ? data.toString() : data);
  }

  close(code, reason) {
    this.log.close_sent = { code: code ?? 1005, reason: reason ?? "" };
    this.ws.close(code, reason);
  }
}

function undiciClient() {
  const record = new Record("client", software, conf.target, {});
  record.status = null; // told by no API of browsers
  record.server_port = conf.port;
  const ws = new (conf.stack === "undici7" ? Undici : globalThis.WebSocket)(`${scheme}://${conf.host}:${conf.port}${conf.target}`, conf.subprotocols ?? []);
  ws.binaryType = "arraybuffer";
  const peer = new BuiltInPeer(ws, record);
  ws.onopen = () => {
    Object.assign(record, { opened: true, status: 101, subprotocol: ws.protocol, extensions: ws.extensions });
    play(peer, conf.play);
  };
}

if (conf.role === "server") wsServer();
else for (let i = 0; i < (conf.repeat ?? 1); i++) conf.stack === "ws" ? wsClient() : undiciClient();
