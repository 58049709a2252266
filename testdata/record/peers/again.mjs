// A client on ws that comes back each time it is refused or its connection ends: conf.times times, or for each of
// conf.targets, after conf.pause milliseconds that double and are cut by chance.
import { readFileSync } from "node:fs";
import WebSocket from "ws";
import { Record, counters } from "./log.mjs";
import { play, sleep } from "./play.mjs";
import { WsPeer } from "./wspeer.mjs";

const conf = JSON.parse(process.argv[2]);
const version = JSON.parse(readFileSync(new URL("../node_modules/ws/package.json", import.meta.url))).version;
const targets = conf.targets ?? Array(conf.times).fill(conf.target);

const attempt = (target) =>
  new Promise((done) => {
    const record = new Record("client", `ws ${version} on Node ${process.versions.node}`, target, counters());
    record.server_port = conf.port;
    const ws = new WebSocket(`ws://${conf.host}:${conf.port}${target}`, [], { autoPong: false, perMessageDeflate: false });
    const peer = new WsPeer(ws, record, conf.play);
    ws.on("upgrade", ({ socket }) => Object.assign(record, { status: 101, client_port: socket.localPort, extensions: "", subprotocol: "" }));
    ws.on("unexpected-response", (request, response) => {
      Object.assign(record, { status: response.statusCode, client_port: request.socket.localPort });
      record.print();
      response.on("end", () => (request.socket.destroy(), done())).resume();
    });
    ws.on("open", () => {
      record.opened = true;
      play(peer, conf.play);
    });
    ws.on("close", done);
  });

for (let i = 0, pause = conf.pause; i < targets.length; i++, pause *= 2) {
  await attempt(targets[i]);
  if (pause) await sleep(pause * (0.6 + 0.4 * Math.random()));
}
process.exit(0);
