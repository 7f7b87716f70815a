import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";
import { serverProcess } from "./server-process.ts";

/** An emulator of SQS of one's own: own data, own port. */
export interface SqsServer {
  /** How clients reach it. */
  readonly access: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Resolves when it takes requests. */
  start(): Promise<void>;
  /** kill -9. */
  crash(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Makes and starts an emulator that keeps its messages on disk. */
export async function startSqs(): Promise<SqsServer> {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-sqs-"));
  const port = await freePort();
  const program = fileURLToPath(new URL("sqs-server-program.ts", import.meta.url));
  const server = serverProcess({ command: process.execPath, args: ["--no-warnings", program, `${port}`, folder] });
  const start = async () => {
    if (server.isRunning) return;
    if (!(await server.launch("takes requests"))) throw new Error(`the emulator of SQS does not start: ${server.log}`);
  };
  await start();
  return {
    access: {
      endpoint: `http://127.0.0.1:${port}`,
      region: "eu-central-1",
      credentials: { accessKeyId: "somebody", secretAccessKey: "secret" },
    },
    start,
    crash: () => server.end("SIGKILL"),
    async remove() {
      await server.dispose("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
