// What an endpoint's own API said, kept per connection and printed as one JSON line.
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";

const live = new Set();

export const say = (event) => writeSync(1, JSON.stringify(event) + "\n");

export const message = (kind, bytes) => ({
  kind,
  length: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
});

// counters is what an API that shows control frames can tell; the others start with less.
export const counters = () => ({
  pings_sent: 0,
  pings_received: 0,
  pongs_sent: 0,
  pongs_received: 0,
  close_sent: null,
  close_received: null,
});

export class Record {
  constructor(side, software, target, log) {
    Object.assign(this, { event: "connection", side, software, target, status: 0, opened: false });
    this.log = { sent: [], received: [], ...log };
    live.add(this);
  }

  print() {
    if (live.delete(this)) say(this);
  }
}

export function printAll() {
  for (const record of [...live]) record.print();
}

process.on("SIGTERM", () => {
  for (const record of live) record.live = true;
  printAll();
  process.exit(0);
});
