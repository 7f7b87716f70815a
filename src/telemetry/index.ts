export type { AnyCoordinator } from "../core/any-coordinator.ts";
export { type DiagnosticsChannel, type DiagnosticsChannels, type DiagnosticsMessage, publishDiagnostics } from "./diagnostics.ts";
export { type EventLogger, type LogEventsOptions, type LogLevel, logEvents } from "./log-events.ts";
export { observeStore, type StoreCall } from "./observed-store.ts";
export { createOpenTelemetry, type OpenTelemetry, type OpenTelemetryOptions } from "./open-telemetry.ts";
export type {
  Attributes,
  ContextApi,
  MeterApi,
  ObservableApi,
  OpenTelemetryApi,
  SpanApi,
  SpanContextApi,
  TracerApi,
} from "./open-telemetry-api.ts";
