import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openStore, type StoreAddress } from "./store-address.ts";

/** Another process claims and settles everything of the name `p`; resolves with the ids it got. */
export function claimInProcess(address: StoreAddress): Promise<string[]> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(address)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`the claiming process ended with ${code}`))));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const store = await openStore(JSON.parse(process.argv[2] as string));
  const owner = `process ${process.pid}`;
  const taken: string[] = [];
  for (let empty = 0; empty < 3; ) {
    const claimId = `${owner} ${taken.length} ${empty}`;
    const { executions } = await store.claim({
      name: "p",
      owner,
      claimId,
      limit: 20,
      leaseMs: 60_000,
      machineId: "machine",
      versions: "any",
    });
    empty = executions.length === 0 ? empty + 1 : 0;
    taken.push(...executions.map(({ id }) => id));
    const settlements = executions.map(({ id, fence }) => ({ id, fence, outcome: { type: "complete", result: "1" } as const }));
    await store.settle({ name: "p", owner, settlements });
  }
  await store.close();
  process.stdout.write(JSON.stringify(taken));
}
