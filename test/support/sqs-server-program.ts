// An emulator of SQS on the port and in the folder of its arguments.

import { Server } from "node:net";
import type { DatabaseSync } from "node:sqlite";
import { startFauxqs } from "fauxqs";

const [port, dataDir] = process.argv.slice(2);

// It would listen to everybody; this machine is enough.
const listen = Server.prototype.listen as (options: object, ...rest: unknown[]) => Server;
Server.prototype.listen = function (this: Server, options: object, ...rest: unknown[]) {
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...rest);
} as typeof Server.prototype.listen;

// With data on disk, its version 2.4.1 answers a visibility timeout of 0 with an error, and has lost the message: it writes a count that may
// not be null as null.
const { PersistenceManager } = (await import(new URL("persistence.js", import.meta.resolve("fauxqs")).href)) as {
  PersistenceManager: { prototype: object };
};
Object.assign(PersistenceManager.prototype, {
  updateMessageReady(this: { db: DatabaseSync }, messageId: string) {
    const update = "UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?";
    this.db.prepare(update).run(messageId);
  },
});

await startFauxqs({ port: Number(port), logger: false, ...(dataDir !== undefined && { dataDir }) });
console.log("takes requests");
