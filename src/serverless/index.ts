export { type AcceptedStart, type AcceptHandlerOptions, createAcceptHandler } from "./accept-handler.ts";
export {
  type LambdaContext,
  type LambdaSqsEvent,
  type LambdaSqsResult,
  toLambdaScheduledHandler,
  toLambdaSqsHandler,
} from "./lambda-batch.ts";
export { type LambdaHttpEvent, type LambdaHttpResult, toLambdaHttpHandler } from "./lambda-http.ts";
export type { ProcessMessage, ProcessReport, PutAside } from "./message-batch.ts";
export {
  type AutonomousProcessOptions,
  createProcessHandler,
  type ProcessHandler,
  type ProcessHandlerOptions,
  type ProcessOptions,
  type ProcessScope,
} from "./process-handler.ts";
export { createStatusHandler, type StatusHandlerOptions } from "./status-handler.ts";
export { createSweepHandler, type StoreSweepOptions, type SweepOutcome } from "./store-sweep.ts";
