// What the steps of a play do with a WebSocket of ws.
import readline from "node:readline";
import { message, printAll, say } from "./log.mjs";
import { bytes } from "./play.mjs";

// Shared is what the steps of a play do alike on every stack.
export class Shared {
  constructor(record) {
    this.record = record;
    this.log = record.log;
  }

  async gate() {
    say({ event: "gate", sent: this.log.sent.length, received: this.log.received.length });
    const lines = readline.createInterface({ input: process.stdin });
    await new Promise((done) => lines.once("line", done));
    lines.close();
  }

  async hold() {
    say({ event: "hold" });
    await new Promise((done) => setTimeout(done, 60_000));
  }

  die() {
    printAll();
    process.kill(process.pid, "SIGKILL");
  }
}

export class WsPeer extends Shared {
  constructor(ws, record, play = "") {
    super(record);
    this.ws = ws;
    const { log } = this;
    const echoes = play.split(" ").includes("echo");
    ws.on("message", (data, isBinary) => {
      const kind = isBinary ? "binary" : "text";
      log.received.push(message(kind, data));
      if (echoes && ws.readyState === ws.OPEN) this.send(kind, data);
    });
    ws.on("ping", (data) => {
      log.pings_received++;
      if (ws.readyState === ws.OPEN) this.pong(data);
    });
    ws.on("pong", () => log.pongs_received++);
    ws.on("error", (error) => (record.error = error.message));
    const close = ws.close;
    ws.close = (code, reason) => { // the library answers a Close frame through this method, too
      if (ws.readyState !== ws.CONNECTING) log.close_sent ??= { code: code ?? 1005, reason: String(reason ?? "") };
      close.call(ws, code, reason);
    };
    ws.on("close", (code, reason) => {
      this.over = true;
      if (code !== 1006) log.close_received = { code, reason: String(reason) };
      record.print();
    });
  }

  send(kind, data) {
    this.log.sent.push(message(kind, data));
    this.ws.send(data, { binary: kind === "binary" });
  }

  fragments(kind, parts) {
    const whole = [];
    parts.forEach((part, i) => {
      if (part === "p") return this.ping("between");
      whole.push(bytes(kind, +part));
      this.ws.send(whole.at(-1), { binary: kind === "binary", fin: i === parts.length - 1 });
    });
    this.log.sent.push(message(kind, Buffer.concat(whole)));
  }

  ping(payload = "") {
    this.log.pings_sent++;
    this.ws.ping(payload);
  }

  pong(payload = "") {
    this.log.pongs_sent++;
    this.ws.pong(payload);
  }

  close(code, reason) {
    this.ws.close(code, reason);
  }

  fin() {
    this.ws.terminate();
  }

  reset() {
    this.ws._socket.resetAndDestroy();
  }
}
