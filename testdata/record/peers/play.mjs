// A play is words with their values: "text=5 ping=abc wait=1 close=1000,bye". README.md lists them.
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const letters = "abcdefghijklmnopqrstuvwxyz";

export const bytes = (kind, length) =>
  kind === "text"
    ? Buffer.from(letters.repeat(Math.ceil(length / 26)).slice(0, length))
    : Buffer.from(Array.from({ length }, (_, i) => (i * 7) % 251));

// until looks every few milliseconds, and gives up once the connection is over.
async function until(peer, true_) {
  while (!true_() && !peer.over) await sleep(2);
}

const words = {
  echo: () => {},
  say: (peer, text) => peer.send("text", Buffer.from(decodeURIComponent(text))),
  text: (peer, n) => peer.send("text", bytes("text", +n)),
  bin: (peer, n) => peer.send("binary", bytes("binary", +n)),
  frag: (peer, kind, ...parts) => peer.fragments(kind, parts),
  ping: (peer, payload) => peer.ping(payload),
  pong: (peer, payload) => peer.pong(payload),
  wait: (peer, n) => until(peer, () => peer.log.received.length >= +n),
  pongs: (peer, n) => until(peer, () => peer.log.pongs_received >= +n),
  sleep: (peer, ms) => sleep(+ms),
  close: (peer, code, reason) => peer.close(code && +code, reason && decodeURIComponent(reason)),
  gate: (peer) => peer.gate(),
  hold: (peer) => peer.hold(),
  fin: (peer) => peer.fin(),
  reset: (peer, code) => peer.reset(code),
  goaway: (peer, code, last) => peer.goaway(code, last),
  die: (peer) => peer.die(),
};

export async function play(peer, text) {
  for (const word of text.split(" ").filter(Boolean)) {
    if (peer.over) return;
    const [name, ...rest] = word.split("=");
    const args = rest.length ? rest.join("=").split(",") : [];
    await words[name](peer, ...args);
  }
}
