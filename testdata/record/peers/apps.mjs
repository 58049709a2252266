// Applications on WebSockets, with their own libraries on both ends: Socket.IO, GraphQL, STOMP, MQTT. All of them go
// through ws, which says what was sent and received.
import http from "node:http";
import { readFileSync } from "node:fs";
import WebSocket, { WebSocketServer, createWebSocketStream } from "ws";
import { Client as StompClient } from "@stomp/stompjs";
import { Aedes } from "aedes";
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import mqtt from "mqtt";
import { Server as SocketServer } from "socket.io";
import { Record, counters, message, say } from "./log.mjs";

const conf = JSON.parse(process.argv[2]);
const of = (name) => `${name} ${JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))).version}`;
const url = `ws://${conf.host}:${conf.port}${conf.target}`;
const rest = (ms) => new Promise((done) => setTimeout(done, ms));
let open = 0; // connections that are not over

// watch writes down what a WebSocket sends and receives.
function watch(ws, record) {
  const { log } = record;
  open++;
  ws.on("message", (data, isBinary) => log.received.push(message(isBinary ? "binary" : "text", data)));
  ws.on("error", (error) => (record.error = error.message));
  const { send, close } = ws;
  ws.send = (data, options, done) => {
    const text = typeof data === "string" && options?.binary !== true;
    if (ws.readyState === ws.OPEN) log.sent.push(message(text ? "text" : "binary", Buffer.from(data)));
    send.call(ws, data, options, done);
  };
  ws.close = (code, reason) => {
    if (ws.readyState !== ws.CONNECTING) log.close_sent ??= { code: code ?? 1005, reason: String(reason ?? "") };
    close.call(ws, code, reason);
  };
  ws.on("close", (code, reason) => {
    open--;
    if (code !== 1006) log.close_received = { code, reason: String(reason) };
    record.print();
  });
}

class WatchedServer extends WebSocketServer {
  handleUpgrade(req, socket, head, done) {
    super.handleUpgrade(req, socket, head, (ws, r) => {
      const record = new Record("server", apps[conf.play].software[1], req.url, counters());
      const { remotePort: client_port, localPort: server_port } = req.socket;
      Object.assign(record, { status: 101, opened: true, subprotocol: ws.protocol, extensions: ws.extensions, client_port, server_port });
      watch(ws, record);
      done(ws, r);
    });
  }
}

class WatchedClient extends WebSocket {
  constructor(url, protocols, options) {
    super(url, protocols, { ...options, perMessageDeflate: false });
    const { pathname, search } = new URL(url);
    const record = new Record("client", apps[conf.play].software[0], pathname + search, counters());
    record.server_port = conf.port;
    watch(this, record);
    this.on("upgrade", ({ socket, headers }) => {
      Object.assign(record, { status: 101, opened: true, client_port: socket.localPort, extensions: "" });
      record.subprotocol = headers["sec-websocket-protocol"] ?? "";
    });
  }
}

const apps = {
  "socket.io": {
    software: [of("socket.io-client"), of("socket.io")],
    serve(server) {
      const io = new SocketServer(server, { wsEngine: WatchedServer, transports: ["websocket"], pingInterval: 300, pingTimeout: 200 });
      io.use((socket, next) => next(socket.handshake.auth.name ? undefined : new Error("who are you?")));
      io.on("connection", (socket) => socket.on("add", (a, b, answer) => answer(a + b)));
    },
    async ask() {
      globalThis.WebSocket = WatchedClient; // the client's transport takes the one that browsers have
      const { WebSocket: transport } = await import("engine.io-client");
      const { io } = await import("socket.io-client");
      const connect = (auth) => io(`http://${conf.host}:${conf.port}`, { transports: [transport], auth, forceNew: true, reconnection: false });
      const stranger = connect({});
      await new Promise((done) => stranger.once("connect_error", done));
      stranger.io.engine.close();
      const known = connect({ name: "Ada" });
      await new Promise((done) => known.once("connect", done));
      await known.emitWithAck("add", 2, 3);
      await rest(800);
      known.disconnect();
    },
  },
  graphql: {
    software: [of("graphql-ws"), of("graphql-ws")],
    serve(server) {
      const query = new GraphQLObjectType({ name: "Query", fields: { hello: { type: GraphQLString, resolve: () => "world" } } });
      const wss = new WatchedServer({ server, handleProtocols: () => "graphql-transport-ws" });
      useServer({ schema: new GraphQLSchema({ query }) }, wss);
    },
    async ask() {
      const client = createClient({ url, webSocketImpl: WatchedClient, lazy: false, retryAttempts: 0 });
      const run = (query) => new Promise((done) => client.subscribe({ query }, { next() {}, error: done, complete: done }));
      await run("{ hello }");
      await run("{ goodbye }");
      await client.dispose();
    },
  },
  stomp: {
    software: [of("@stomp/stompjs"), `a broker of 20 lines on ${of("ws")}`],
    serve(server) {
      const wss = new WatchedServer({ server, handleProtocols: (offered) => [...offered][0] });
      wss.on("connection", (ws) => ws.on("message", (data) => broker(ws, String(data))));
    },
    async ask() {
      const client = new StompClient({
        webSocketFactory: () => new WatchedClient(url, ["v12.stomp", "v11.stomp"]),
        reconnectDelay: 0, heartbeatOutgoing: 300, heartbeatIncoming: 300,
        connectHeaders: { login: "ada", passcode: "lovelace" },
      });
      client.activate();
      await new Promise((done) => (client.onConnect = done));
      const got = new Promise((done) => client.subscribe("/topic/a", done));
      client.publish({ destination: "/topic/a", body: "hello" });
      await got;
      await rest(800);
      const failed = new Promise((done) => (client.onStompError = done));
      client.publish({ destination: "/denied", body: "hello", headers: { receipt: "r1" } });
      await failed;
      await client.deactivate();
    },
  },
  mqtt: {
    software: [of("mqtt"), of("aedes")],
    async serve(server) {
      const broker = await Aedes.createBroker({
        authenticate: (client, name, password, done) => done(name === "ada" ? null : Object.assign(new Error("no"), { returnCode: 4 }), name === "ada"),
      });
      const wss = new WatchedServer({ server, handleProtocols: () => "mqtt" });
      wss.on("connection", (ws, req) => broker.handle(createWebSocketStream(ws), req));
    },
    async ask() {
      const options = { reconnectPeriod: 0, keepalive: 1, createWebsocket: (url, protocols) => new WatchedClient(url, protocols) };
      const stranger = mqtt.connect(url, { ...options, username: "eve", password: "guess" });
      await new Promise((done) => stranger.once("error", done));
      stranger.end(true);
      const known = await mqtt.connectAsync(url, { ...options, username: "ada", password: "lovelace" });
      await known.subscribeAsync("room/1", { qos: 1 });
      await known.publishAsync("room/1", "hello", { qos: 1 });
      await rest(2200);
      await known.endAsync();
    },
  },
};

// broker answers a frame of STOMP 1.2.
function broker(ws, frame) {
  const [head] = frame.split("\n\n");
  const [command, ...lines] = head.split("\n");
  const headers = Object.fromEntries(lines.map((line) => line.split(":")));
  if (command === "CONNECT") {
    ws.send("CONNECTED\nversion:1.2\nheart-beat:300,300\n\n\0");
    const beat = setInterval(() => (ws.readyState === ws.OPEN ? ws.send("\n") : clearInterval(beat)), 300);
  } else if (command === "SUBSCRIBE") {
    ws.subscription = headers.id;
  } else if (command === "SEND" && headers.destination === "/denied") {
    ws.send(`ERROR\nmessage:access to /denied refused\nreceipt-id:${headers.receipt}\n\n\0`);
    ws.close(1002, "STOMP error");
  } else if (command === "SEND") {
    ws.send(`MESSAGE\nsubscription:${ws.subscription}\nmessage-id:1\ndestination:${headers.destination}\n\nhello\0`);
  }
}

if (conf.role === "server") {
  const server = http.createServer();
  await apps[conf.play].serve(server);
  server.listen(conf.port, conf.host, () => say({ event: "listening" }));
} else {
  await apps[conf.play].ask();
  while (open > 0) await rest(20);
  process.exit(0);
}
