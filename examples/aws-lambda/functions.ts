// The functions of template.yaml.

import { createDurableCoordinator } from "../../src/index.ts";
import {
  createAcceptHandler,
  createProcessHandler,
  createStatusHandler,
  createSweepHandler,
  toLambdaHttpHandler,
  toLambdaScheduledHandler,
  toLambdaSqsHandler,
} from "../../src/serverless/index.ts";
import { fleet, write } from "./fleet.ts";

const coordinator = createDurableCoordinator({ ...fleet, role: "client", orchestrator: write });
const onError = (error: unknown) => console.error(error);

/** POST /reports */
export const accept = toLambdaHttpHandler(createAcceptHandler({ coordinator, onError }));
/** GET /reports/{id} */
export const status = toLambdaHttpHandler(createStatusHandler({ coordinator, onError }));
/** Messages of the queue. */
export const work = toLambdaSqsHandler(createProcessHandler({ ...fleet, orchestrator: write, onError }));
/** Once a minute. */
export const sweep = toLambdaScheduledHandler(createSweepHandler({ ...fleet, onError }));
