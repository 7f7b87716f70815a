import { useEffect } from "preact/hooks";
import { ExecutionView } from "./execution-view.tsx";
import { connection, stats } from "./live.ts";
import { Overview } from "./overview.tsx";
import { route } from "./route.ts";

const connectionWords = {
  connecting: "connecting…",
  live: "live",
  lost: "connection lost, trying again…",
  refused: "the server refuses the connection",
} as const;

export function App() {
  const { executionId } = route.value;
  useEffect(() => {
    document.title = executionId === undefined ? "actorfleet" : `${executionId} · actorfleet`;
  }, [executionId]);
  return (
    <>
      <header class="bar">
        <a class="brand" href="#/">
          actorfleet
        </a>
        <span class="mode">{stats.value?.process.mode}</span>
        <span class="connection" data-connection={connection.value} role="status">
          {connectionWords[connection.value]}
        </span>
      </header>
      <main>{executionId === undefined ? <Overview /> : <ExecutionView key={executionId} id={executionId} />}</main>
    </>
  );
}
