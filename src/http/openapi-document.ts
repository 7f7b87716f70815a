import * as z from "zod";
import type { ApiRoute } from "./api-route.ts";
import { problemSchema } from "./api-schemas.ts";

type JsonSchema = Record<string, unknown>;

/** The OpenAPI 3.1 document of these operations. Its schemas are the ones that requests are checked with. */
export function toOpenApi(routes: readonly ApiRoute[], basePath: string): string {
  const schemas = new SchemaBook();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = operationOf(route, schemas);
    paths[route.path] = operations;
  }
  return JSON.stringify({
    openapi: "3.1.0",
    info: { title: "actorfleet", version: "1", description: "Executions: start, look, follow, signal, cancel." },
    servers: [{ url: basePath === "" ? "/" : basePath }],
    paths,
    components: { schemas: schemas.components },
  });
}

function operationOf(route: ApiRoute, schemas: SchemaBook): object {
  const { name, summary, body, emptyBody, responses, problems } = route;
  const problem = { "application/problem+json": { schema: schemas.of(problemSchema) } };
  return {
    operationId: name,
    summary,
    parameters: parametersOf(route, schemas),
    ...(body !== undefined && {
      requestBody: { required: emptyBody === undefined, content: { "application/json": { schema: schemas.of(body, "input") } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([status, { description, contentType, schema, headers }]) => [
          status,
          {
            description,
            ...(headers !== undefined && { headers: mapValues(headers, (text) => ({ description: text, schema: { type: "string" } })) }),
            ...(contentType !== "" && { content: { [contentType]: schema === undefined ? {} : { schema: schemas.of(schema) } } }),
          },
        ]),
      ),
      ...Object.fromEntries(problems.map((status) => [status, { description: "a problem", content: problem }])),
      default: { description: "a problem that any request can have", content: problem },
    },
  };
}

function parametersOf({ path, query, headers = {} }: ApiRoute, schemas: SchemaBook): object[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const { properties = {} } = query === undefined ? {} : (schemas.of(query, "input") as { properties?: Record<string, JsonSchema> });
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
  const inHeaders = Object.entries(headers).map(([name, description]) => ({
    ...{ name, in: "header", required: false, description, schema: { type: "string" } },
  }));
  return [...inPath, ...inQuery, ...inHeaders];
}

/** Schemas as JSON Schema; those that have an id are written once and referred to. */
class SchemaBook {
  readonly components: Record<string, JsonSchema> = {};

  of(schema: z.ZodType, io: "input" | "output" = "output"): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...own
    } = z.toJSONSchema(schema, { io, reused: "inline" }) as JsonSchema & {
      $defs?: Record<string, JsonSchema>;
    };
    for (const [id, { id: __, ...definition }] of Object.entries($defs)) this.components[id] = refer(definition) as JsonSchema;
    const { id, ...definition } = refer(own) as JsonSchema;
    if (typeof id !== "string") return definition;
    this.components[id] = definition;
    return { $ref: `#/components/schemas/${id}` };
  }
}

/** With references to where the components of OpenAPI are. */
function refer(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'));
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
