import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { buildApp } from "fauxqs";
import { parse } from "yaml";

/** DynamoDB and SQS on this machine, until the process ends, and what the SDK has to know of them. */
export async function startEmulators() {
  const SQS_ENDPOINT = await buildApp({ logger: false }).listen({ port: 0, host: "127.0.0.1" });
  const dynalite = createRequire(import.meta.url)("dynalite") as (options: { createTableMs: number }) => Server;
  const server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const DYNAMODB_ENDPOINT = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const identity = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "nobody", AWS_SECRET_ACCESS_KEY: "nothing" };
  return { environment: { ...identity, SQS_ENDPOINT, DYNAMODB_ENDPOINT }, resourceOfTemplate };
}

/** As the template describes it. */
function resourceOfTemplate(name: string): unknown {
  const { Resources } = parse(readFileSync(new URL("template.yaml", import.meta.url), "utf8")) as {
    Resources: Record<string, { Properties: unknown }>;
  };
  return Resources[name]?.Properties;
}
