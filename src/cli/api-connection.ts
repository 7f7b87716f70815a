import type { ExecutionPage } from "../model/execution.ts";
import { type ApiAnswer, ApiRequests, toCommandError } from "./api-request.ts";
import type { FleetConnection, FleetStats, ShownExecution } from "./fleet-connection.ts";

/** A fleet behind an HTTP API. @throws {CommandError} */
export function connectToApi(url: string, headers: readonly string[]): FleetConnection {
  const api = new ApiRequests(url, headers);
  const at = (id: string) => `/executions/${encodeURIComponent(id)}`;
  return {
    async list(query) {
      const given = Object.entries(query).map(([key, value]) => [key, String(value)]);
      return bodyOf(await api.ask<ExecutionPage>("GET", `/executions?${new URLSearchParams(given)}`));
    },
    async get(id) {
      const answer = await api.ask<ShownExecution>("GET", at(id));
      return answer.problem?.code === "EXECUTION_NOT_FOUND" ? undefined : bodyOf(answer);
    },
    stats: async () => bodyOf(await api.ask<FleetStats>("GET", "/stats")),
    async cancel(id, reason) {
      const answer = await api.ask("POST", `${at(id)}/cancel`, reason === undefined ? {} : { reason });
      if (answer.problem?.code === "EXECUTION_NOT_FOUND" || answer.problem?.code === "EXECUTION_ENDED") return false;
      bodyOf(answer);
      return true;
    },
    async send(id, event) {
      const answer = await api.ask("POST", `${at(id)}/events`, event);
      const { accepts = [], code } = answer.problem ?? {};
      if (code === "EXECUTION_NOT_FOUND") return { accepted: false, reason: "unknown", accepts };
      if (code === "EXECUTION_ENDED") return { accepted: false, reason: "final", accepts };
      if (code === "SIGNAL_NOT_ACCEPTED") return { accepted: false, reason: "notAccepted", accepts };
      bodyOf(answer);
      return { accepted: true };
    },
    close: async () => {},
  };
}

function bodyOf<Body>(answer: ApiAnswer<Body>): Body {
  if (answer.problem !== undefined) throw toCommandError(answer.problem);
  return answer.body;
}
