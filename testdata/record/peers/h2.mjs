// WebSockets over HTTP/2 (RFC 8441): Node's http2 gives the streams, and ws has them instead of sockets.
import http2 from "node:http2";
import tls from "node:tls";
import net from "node:net";
import { readFileSync } from "node:fs";
import WebSocket, { PerMessageDeflate, extension } from "ws";
import { Record, counters, say } from "./log.mjs";
import { play } from "./play.mjs";
import { WsPeer } from "./wspeer.mjs";

const conf = JSON.parse(process.argv[2]);
const { constants } = http2;
const version = JSON.parse(readFileSync(new URL("../node_modules/ws/package.json", import.meta.url))).version;
const software = `ws ${version} on http2 of Node ${process.versions.node}`;
const PAGE = readFileSync(new URL("browser.html", import.meta.url), "utf8");

class StreamPeer extends WsPeer {
  fin() {
    this.ws._socket.end();
  }

  reset(code = "NGHTTP2_CANCEL") {
    this.ws._socket.close(constants[code]);
  }

  goaway(code = "NGHTTP2_NO_ERROR", last = 1 << 30) {
    this.ws._socket.session.goaway(constants[code], +last);
  }
}

// deflateOf gives the parameters of permessage-deflate in a field, if it is there.
const deflateOf = (field) => field && extension.parse(field)["permessage-deflate"];

// websocketOn makes of a stream what ws makes of a socket after its opening handshake.
function websocketOn(stream, role, deflate) {
  const ws = new WebSocket(null, undefined, { closeTimeout: 30_000 });
  ws._isServer = role === "server";
  if (deflate) ws._extensions = { "permessage-deflate": deflate };
  ws.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true, maxPayload: conf.max_payload ?? 1 << 20 });
  return ws;
}

function newRecord(side, target, stream) {
  const record = new Record(side, software, target, counters());
  const socket = stream.session.socket;
  const [near, far] = [socket.localPort, socket.remotePort];
  [record.client_port, record.server_port] = side === "client" ? [near, far] : [far, near];
  record.h2_stream = stream.id;
  return record;
}

function perform(stream, record, deflate, text) {
  const ws = websocketOn(stream, record.side, deflate);
  record.opened = true;
  play(new StreamPeer(ws, record, text), text);
}

function accept(stream, headers) {
  const target = headers[":path"];
  const record = newRecord("server", target, stream);
  const [, refusal, word] = /^\/(status|reset)\/(\w+)/.exec(target) ?? [];
  if (refusal === "reset") {
    record.print();
    return stream.close(constants[word]);
  }
  if (refusal === "status") {
    record.status = +word;
    record.print();
    stream.respond({ ":status": +word, "content-type": "text/plain" });
    return stream.end(`status ${word}\n`);
  }
  const answer = { ":status": 200 };
  const offered = deflateOf(headers["sec-websocket-extensions"]);
  let deflate;
  if (conf.deflate && offered) {
    deflate = new PerMessageDeflate({ isServer: true, threshold: 0 });
    deflate.accept(offered);
    answer["sec-websocket-extensions"] = extension.format({ "permessage-deflate": [deflate.params] });
  }
  if (conf.subprotocol && headers["sec-websocket-protocol"]) answer["sec-websocket-protocol"] = conf.subprotocol;
  Object.assign(record, {
    status: 200, subprotocol: answer["sec-websocket-protocol"] ?? "", extensions: answer["sec-websocket-extensions"] ?? "",
  });
  stream.respond(answer);
  perform(stream, record, deflate, conf.plays?.[target] ?? conf.play ?? "echo");
}

// page gives the browser the page that it was told of behind the #, and others some bytes.
function page(stream, headers) {
  const html = headers[":path"] === "/";
  stream.respond({ ":status": 200, "content-type": html ? "text/html; charset=utf-8" : "text/plain" });
  stream.end(html ? PAGE.replace("CONF", "JSON.parse(decodeURIComponent(location.hash.slice(1)))") : "plain HTTP\n".repeat(200));
}

function serve() {
  const settings = { enableConnectProtocol: !conf.forbids, ...conf.settings };
  const server = conf.cert
    ? http2.createSecureServer({ key: readFileSync(conf.cert), cert: readFileSync(conf.cert), settings })
    : http2.createServer({ settings });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {}); // the record tells of it
    headers[":method"] === "CONNECT" ? accept(stream, headers) : page(stream, headers);
  });
  server.on("sessionError", () => {});
  server.listen(conf.port, conf.host, () => say({ event: "listening" }));
}

function ask(session, row) {
  const headers = {
    ":method": "CONNECT", ":protocol": "websocket", ":path": row.target, ":scheme": conf.cert ? "https" : "http",
    ":authority": `${conf.host}:${conf.port}`, "sec-websocket-version": "13", ...row.headers,
  };
  let deflate;
  if (row.deflate) {
    deflate = new PerMessageDeflate({ isServer: false, threshold: 0 });
    headers["sec-websocket-extensions"] = extension.format({ "permessage-deflate": deflate.offer() });
  }
  if (row.subprotocols) headers["sec-websocket-protocol"] = row.subprotocols.join(", ");
  const stream = session.request(headers, { endStream: false });
  return new Promise((done) => {
    const record = newRecord("client", row.target, stream);
    stream.on("error", (error) => (record.error = error.message));
    stream.on("close", () => {
      if (!record.opened) record.print();
      setTimeout(done, 20);
    });
    stream.on("response", (answer) => {
      record.status = answer[":status"];
      if (record.status !== 200) return stream.resume().end();
      record.subprotocol = answer["sec-websocket-protocol"] ?? "";
      record.extensions = answer["sec-websocket-extensions"] ?? "";
      const agreed = deflateOf(record.extensions);
      if (agreed) deflate.accept(agreed);
      perform(stream, record, agreed && deflate, row.play);
    });
    if (row.give_up_ms) setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), row.give_up_ms);
  });
}

function get(session, path) {
  return new Promise((done) => session.request({ ":path": path }).on("close", done).resume().end());
}

async function talk() {
  const createConnection = () => conf.cert
    ? tls.connect({ host: conf.host, port: conf.port, servername: "localhost", ALPNProtocols: ["h2"], rejectUnauthorized: false })
    : net.connect(conf.port, conf.host);
  const session = http2.connect(`${conf.cert ? "https" : "http"}://${conf.host}:${conf.port}`, { createConnection, settings: conf.settings });
  session.on("error", () => {});
  await new Promise((done) => session.once("remoteSettings", done));
  for (let i = 0; i < (conf.http_first ?? 0); i++) await get(session, `/page/${i}`);
  const rows = conf.streams ?? [conf];
  const all = [];
  for (const row of rows) {
    const over = ask(session, row);
    conf.in_turn ? await over : all.push(over);
  }
  if (conf.http_first) all.push(get(session, "/page/beside"));
  await Promise.all(all);
  session.close();
}

conf.role === "server" ? serve() : talk();
