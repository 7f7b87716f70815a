import { CoordinatorClosedError } from "../model/errors.ts";
import { type ApiRoute, apiRoute, json, jsonResponse } from "./api-route.ts";
import * as schemas from "./api-schemas.ts";
import { machineJson, machinesOf } from "./machine-definition.ts";
import { toMetricsText } from "./metrics-text.ts";
import { Problem } from "./problem.ts";

const metricsType = "text/plain; version=0.0.4; charset=utf-8";

/** Operations about the coordinator and this API. */
export const serverRoutes: readonly ApiRoute[] = [
  apiRoute({
    method: "GET",
    path: "/stats",
    name: "getStats",
    summary: "Counts and capacity at this moment.",
    responses: { 200: { description: "counts", contentType: json, schema: schemas.statsSchema } },
    problems: [503],
    handle: async ({ context: { coordinator } }) => {
      const records = await coordinator.counts();
      return jsonResponse({ process: coordinator.stats.getSnapshot().context, records });
    },
  }),
  apiRoute({
    method: "GET",
    path: "/metrics",
    name: "getMetrics",
    summary: "The same for Prometheus.",
    responses: { 200: { description: "metrics", contentType: metricsType } },
    problems: [503],
    handle: async ({ context: { coordinator, hub } }) => {
      const text = toMetricsText(coordinator.stats.getSnapshot().context, await coordinator.counts(), hub.clients);
      return new Response(text, { headers: { "content-type": metricsType } });
    },
  }),
  apiRoute({
    method: "GET",
    path: "/healthz",
    name: "getHealth",
    summary: "Whether this process takes work; 503 when it is closing.",
    responses: { 200: { description: "it does", contentType: json, schema: schemas.healthSchema } },
    problems: [503],
    handle: ({ context: { coordinator } }) => {
      const { mode } = coordinator.stats.getSnapshot().context;
      if (mode === "draining" || mode === "closed") throw new CoordinatorClosedError(`the coordinator is ${mode}`);
      return jsonResponse({ status: "ok", mode });
    },
  }),
  apiRoute({
    method: "GET",
    path: "/machines",
    name: "listMachines",
    summary: "Names of the statecharts that can be looked at.",
    responses: { 200: { description: "names", contentType: json, schema: schemas.machineNamesSchema } },
    problems: [],
    handle: ({ context: { coordinator } }) => jsonResponse({ items: [...machinesOf(coordinator.orchestratorMachine).keys()] }),
  }),
  apiRoute({
    method: "GET",
    path: "/machines/{name}",
    name: "getMachine",
    summary: "The definition of one of them.",
    responses: { 200: { description: "the definition", contentType: json, schema: schemas.machineSchema } },
    problems: [404],
    handle: ({ context: { coordinator }, id }) => {
      const machines = machinesOf(coordinator.orchestratorMachine);
      const machine = machines.get(id);
      if (machine === undefined) throw new Problem("NOT_FOUND", { detail: `there are ${[...machines.keys()].join(", ")}` });
      return jsonResponse(machineJson(machine));
    },
  }),
  apiRoute({
    method: "GET",
    path: "/openapi.json",
    name: "getOpenApi",
    summary: "This document.",
    responses: { 200: { description: "OpenAPI 3.1", contentType: json } },
    problems: [],
    handle: ({ context }) => jsonResponse(context.openApi()),
  }),
];
