import type { Subscription } from "xstate";
import type { AnyCoordinator } from "../core/any-coordinator.ts";
import { executionEventTypes } from "../model/execution-event.ts";
import { UnsupportedOperationError } from "../model/store-errors.ts";

/** One of Node's diagnostics channels. */
export interface DiagnosticsChannel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/** What messages of the channels are: `coordinator` is the one that told the event. */
export interface DiagnosticsMessage {
  readonly coordinator: AnyCoordinator;
  readonly event: object;
}

/** Where the channels come from; `node:diagnostics_channel` is one. */
export interface DiagnosticsChannels {
  channel(name: string): DiagnosticsChannel;
}

/**
 * Publishes each event of a coordinator on the channel `actorfleet:` with the event's type, for whoever subscribes with
 * `node:diagnostics_channel`. Without subscribers it costs next to nothing.
 *
 * @throws {UnsupportedOperationError} where there is no such module, and none was given.
 */
export function publishDiagnostics(coordinator: AnyCoordinator, diagnostics: DiagnosticsChannels = nodeDiagnostics()): Subscription {
  const channels = new Map(Object.keys(executionEventTypes).map((type) => [type, diagnostics.channel(`actorfleet:${type}`)]));
  return coordinator.on("*", (event) => {
    const channel = channels.get(event.type);
    if (channel?.hasSubscribers) channel.publish({ coordinator, event } satisfies DiagnosticsMessage);
  });
}

/** Without a static import, so that the rest of this entry loads where there is no Node. */
function nodeDiagnostics(): DiagnosticsChannels {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): DiagnosticsChannels | undefined } };
  const diagnostics = process?.getBuiltinModule?.("node:diagnostics_channel");
  if (diagnostics !== undefined) return diagnostics;
  throw new UnsupportedOperationError("this runtime has no node:diagnostics_channel; give the channels as second parameter");
}
