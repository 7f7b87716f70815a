import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { setup } from "xstate";
import * as z from "zod";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import type { AnyCoordinator } from "../../src/core/any-coordinator.ts";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import { createHttpApi } from "../../src/http/http-api.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { arbitraryOf, type JsonSchema } from "./schema-arbitrary.ts";

interface Operation {
  readonly parameters: readonly { name: string; in: "path" | "query" | "header"; schema: JsonSchema }[];
  readonly requestBody?: { content: Record<string, { schema: JsonSchema }> };
  readonly responses: Readonly<Record<string, { content?: Record<string, { schema?: JsonSchema }> }>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { schemas: Readonly<Record<string, JsonSchema>> };
}

/** What is asked, drawn from the document. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const asking = setup({}).createMachine({
  id: "asking",
  initial: "open",
  states: { open: { tags: "waiting", on: { approve: "done", again: "open", "*": { guard: () => false } } }, done: { type: "final" } },
});
const retention = { maxCount: 50 };
const worlds: Record<string, () => AnyCoordinator> = {
  "a function in memory": () => createCoordinator({ orchestrator: async (input: unknown) => input, retention }),
  "a machine in memory": () => createCoordinator({ orchestrator: asking, retention, maxQueued: 500 }),
  "an autonomous run in memory": () => createCoordinator({ executor: async () => ({ success: true, output: "" }), retention }),
  "a machine in SQLite": () => {
    const store = createSqliteStore({ filename: ":memory:" });
    closing.push(() => store.close());
    return createDurableCoordinator({
      name: "fuzzed",
      store,
      orchestrator: asking,
      pollMs: 5,
      retention: { maxAgeMs: 1 },
      maxStoredEvents: 20,
    });
  },
};

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const headerText = fc.string({ unit: fc.constantFrom(...'ab-1"\\é, ;='.split("")), maxLength: 20 }).map((text) => text.trim());

function arbitraryRequest({ paths, components: { schemas } }: OpenApi): fc.Arbitrary<Asked> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  return fc.oneof(
    ...operations.map(({ method, path, operation }) => {
      const { parameters, requestBody } = operation;
      const values = (place: string) =>
        fc.record(
          Object.fromEntries(
            parameters
              .filter((parameter) => parameter.in === place)
              .map(({ name, schema }) => [name, place === "header" ? headerText : arbitraryOf(schema, schemas)]),
          ),
          place === "path" ? {} : { requiredKeys: [] },
        ) as fc.Arbitrary<Record<string, unknown>>;
      const bodySchema = requestBody?.content["application/json"]?.schema;
      const body =
        bodySchema === undefined ? fc.constant(undefined) : arbitraryOf(bodySchema, schemas).map((value) => JSON.stringify(value));
      const bytes = fc.oneof({ weight: 15, arbitrary: body }, { weight: 1, arbitrary: fc.constantFrom("", "{", "nul", '{"a":}') });
      return fc.tuple(values("path"), values("query"), values("header"), bytes).map(([inPath, inQuery, inHeaders, sent]): Asked => {
        const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(asText(inPath[name]).replaceAll(/\p{Surrogate}/gu, "?")));
        const query = new URLSearchParams(Object.entries(inQuery).map(([name, value]) => [name, asText(value)])).toString();
        const address = query === "" ? filled : `${filled}?${query}`;
        const headers = {
          ...(bodySchema !== undefined && { "content-type": "application/json" }),
          ...(inHeaders as Record<string, string>),
        };
        return { method, path: address, operation, headers, ...(sent !== undefined && bodySchema !== undefined && { body: sent }) };
      });
    }),
  );
}

/** Requests whose answers are certain: one of each status, whatever chance draws beside them. */
function certainRequests({ paths }: OpenApi): readonly [number, Asked][] {
  const asked = (method: string, path: string, operationPath: string, body?: string): Asked => ({
    method,
    path,
    operation: paths[operationPath]?.[method.toLowerCase()] as Operation,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    ...(body !== undefined && { body }),
  });
  const start = (options: object) => JSON.stringify({ input: { id: "certain", prompt: "a letter" }, options });
  return [
    [202, asked("POST", "/executions", "/executions", start({ id: "certain", delayMs: 315_360_000_000 }))],
    [409, asked("POST", "/executions", "/executions", start({ id: "certain" }))],
    [200, asked("GET", "/executions/certain", "/executions/{id}")],
    [200, asked("GET", "/executions/certain/events", "/executions/{id}/events")],
    [404, asked("GET", "/executions/nobody-has-this-id", "/executions/{id}")],
    [400, asked("POST", "/executions", "/executions", "{")],
    [422, asked("GET", "/executions?limit=0", "/executions")],
    [200, asked("GET", "/metrics", "/metrics")],
    // At last: what has ended is soon removed.
    [202, asked("POST", "/executions/certain/cancel", "/executions/{id}/cancel", '{"reason":"certain"}')],
  ];
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Throws when an answer is not one that the document has. */
function checkAnswer(asked: Asked, response: Response, text: string, schemaOf: (schema: JsonSchema) => z.ZodType): void {
  const { status } = response;
  const said = JSON.stringify({ ...asked, operation: undefined, status, text });
  if (status === 500) throw new Error(`an error inside: ${said}`);
  const documented = asked.operation.responses[String(status)] ?? (status >= 400 ? asked.operation.responses.default : undefined);
  // Dot segments are gone from an address before anybody can look: another operation answers then.
  if (/\/(\.|%2e){1,2}(\/|$|\?)/i.test(asked.path)) return;
  if (documented === undefined) throw new Error(`not documented: ${said}`);
  const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
  const content = Object.entries(documented.content ?? {}).find(([name]) => name.startsWith(type) && type !== "")?.[1];
  if (documented.content !== undefined && content === undefined) throw new Error(`another type of content: ${said}`);
  if (content?.schema === undefined) return;
  const { error } = schemaOf(content.schema).safeParse(JSON.parse(text));
  if (error !== undefined) throw new Error(`not as documented: ${said}: ${error.message}`);
}

function usedHeapMegabytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed / 1_048_576;
}

/** Asks what the document allows, and now and then what it does not; afterwards all is as it was. */
async function checkAnswers(create: () => AnyCoordinator): Promise<void> {
  const coordinator = create();
  const errors: unknown[] = [];
  const api = createHttpApi(coordinator, { onError: (error) => errors.push(error), maxReplayedEvents: 100 });
  const get = async (path: string) => (await api.fetch(new Request(`http://localhost${path}`))).json();
  const document = (await get("/openapi.json")) as OpenApi;
  const schemas = new Map<JsonSchema, z.ZodType>();
  const schemaOf = (schema: JsonSchema): z.ZodType => {
    const known = schemas.get(schema);
    if (known !== undefined) return known;
    const text = JSON.stringify({ ...schema, $defs: document.components.schemas }).replaceAll("#/components/schemas/", "#/$defs/");
    const made = z.fromJSONSchema(JSON.parse(text));
    schemas.set(schema, made);
    return made;
  };
  const answer = async (asked: Asked): Promise<number> => {
    const { method, path, headers, body } = asked;
    const response = await api.fetch(new Request(`http://localhost${path}`, { method, headers, ...(body !== undefined && { body }) }));
    if (response.headers.get("content-type") === "text/event-stream") {
      const reader = response.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      checkAnswer(asked, response, "", schemaOf);
    } else checkAnswer(asked, response, await response.text(), schemaOf);
    return response.status;
  };
  const statuses = new Set<number>();
  const property = fc.asyncProperty(arbitraryRequest(document), async (asked) => {
    statuses.add(await answer(asked));
  });
  const ask = (numRuns: number) => fc.assert(property, { numRuns, timeout: 30_000, endOnFailure: true });
  closing.push(async () => {
    api.close();
    await coordinator.close({ mode: "cancel", deadlineMs: 1_000 });
  });
  for (const id of ["a", "b"]) await coordinator.start({ id, prompt: "a letter" } as never, { id });
  for (const [status, asked] of certainRequests(document)) expect([asked.path, await answer(asked)]).toEqual([asked.path, status]);
  await ask(600);
  const before = usedHeapMegabytes();
  await ask(600);
  expect(usedHeapMegabytes() - before).toBeLessThan(20);
  expect(errors).toEqual([]);
  expect(await get("/healthz")).toMatchObject({ status: "ok" });
  // What chance draws by the dozen; 202 is rarer, and was asked for above.
  expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 400, 404, 409, 422]));
}

describe("requests drawn from the OpenAPI document are answered as it says, and leave nothing in memory", () => {
  it.each(Object.entries(worlds))("by %s", { timeout: 120_000 }, (_, create) => checkAnswers(create));
});

describeWithPostgres("requests drawn from the OpenAPI document, to a machine in Postgres", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ fsync: "off", synchronous_commit: "off" });
  }, 120_000);
  afterAll(() => server?.remove(), 120_000);

  it("are answered as the document says, and leave nothing in memory", { timeout: 240_000 }, () =>
    checkAnswers(() => {
      const store = createPostgresStore({ connectionString: server.connectionString });
      closing.push(() => store.close());
      return createDurableCoordinator({ name: "fuzzed", store, orchestrator: asking, pollMs: 20, maxStoredEvents: 20 });
    }),
  );
});
