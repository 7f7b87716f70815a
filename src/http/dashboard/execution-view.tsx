import { useCallback, useEffect, useLayoutEffect, useState } from "preact/hooks";
import { type Execution, getExecution, getMachine, type MachineDefinition, type StateValue } from "./api.ts";
import { EventLog } from "./event-log.tsx";
import { useExecutionEvents } from "./execution-events.ts";
import { toSpan, toTime } from "./format.ts";
import { JsonView } from "./json-view.tsx";
import { onEvents, stats } from "./live.ts";
import { Statechart } from "./statechart.tsx";
import { SteeringPanel } from "./steering-panel.tsx";
import { Timeline } from "./timeline.tsx";

const refreshMs = 2_000;

/** All about one execution. */
export function ExecutionView({ id }: { id: string }) {
  const { execution, problem, refresh } = useExecution(id);
  const { events, isStored } = useExecutionEvents(id);
  const executionMachine = useMachine("execution");
  const orchestratorMachine = useMachine("orchestrator");
  // As soon as the view is there: no key is lost.
  useLayoutEffect(() => {
    const leave = ({ key, target }: KeyboardEvent) => {
      if (key === "Escape" && !(target as HTMLElement).closest("dialog, input, textarea")) location.hash = "#/";
    };
    addEventListener("keydown", leave);
    return () => removeEventListener("keydown", leave);
  }, []);
  if (execution === undefined) return <p class="footing">{problem ?? "Loading…"}</p>;
  const { status, state, progress, result, error, reason, stateValue } = execution;
  const orchestratorState = stateValue ?? (isStateValue(progress) ? progress : undefined);
  return (
    <article class="execution">
      <header>
        <h1>{id}</h1>
        <span class="state" data-status={status}>
          {state}
        </span>
        {problem !== undefined && <output class="problem">{problem}</output>}
      </header>
      <Facts execution={execution} />
      <SteeringPanel execution={execution} onSteered={refresh} />
      <Timeline execution={execution} events={events} />
      <div class="charts">
        {orchestratorMachine && (
          <Statechart title={`its orchestrator, ${orchestratorMachine.id}`} machine={orchestratorMachine} active={orchestratorState} />
        )}
        {executionMachine && <Statechart title="the execution" machine={executionMachine} active={toValue(state)} />}
      </div>
      {error !== undefined && <JsonView title={status === "failed" ? "error" : "error of the last attempt"} value={error} />}
      {reason !== undefined && <JsonView title="reason" value={reason} />}
      {status === "completed" && <JsonView title="result" value={result} />}
      {progress !== undefined && <JsonView title="progress" value={progress} />}
      <EventLog events={events} isStored={isStored} />
    </article>
  );
}

function Facts({ execution }: { execution: Execution }) {
  const { attempt, maxAttempts, takeovers, priority, group, tags, queuedAt, startedAt, completedAt, durationMs, abandoned } = execution;
  const facts: [string, unknown][] = [
    ["queued", toTime(queuedAt)],
    ["started", startedAt === undefined ? undefined : toTime(startedAt)],
    ["ended", completedAt === undefined ? undefined : toTime(completedAt)],
    ["duration", toSpan(durationMs)],
    ["attempt", maxAttempts === null || maxAttempts > 1 ? `${attempt} of ${maxAttempts ?? "any number"}` : attempt],
    ["takeovers", takeovers || undefined],
    ["priority", priority || undefined],
    ["group", group],
    ["tags", tags.length === 0 ? undefined : tags.join(", ")],
    ["abandoned", abandoned && "its orchestrator had not settled"],
  ];
  return (
    <dl class="facts">
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{String(value)}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** The record, asked for again whenever something happened to it, at most once per frame of events, and now and then. */
function useExecution(id: string) {
  const [execution, setExecution] = useState<Execution>();
  const [problem, setProblem] = useState<string>();
  const refresh = useCallback(async () => {
    try {
      setExecution(await getExecution(id));
      setProblem(undefined);
    } catch (error) {
      setProblem((error as Error).message);
    }
  }, [id]);
  useEffect(() => {
    void refresh();
    const stop = onEvents((events) => {
      if (events.some(({ executionId }) => executionId === id)) void refresh();
    });
    const timer = setInterval(() => {
      if (!document.hidden && (stats.value?.records.running ?? 1) > 0) void refresh();
    }, refreshMs);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [id, refresh]);
  return { execution, problem, refresh };
}

function useMachine(name: string): MachineDefinition | undefined {
  const [machine, setMachine] = useState<MachineDefinition>();
  useEffect(() => {
    getMachine(name).then(setMachine, () => setMachine(undefined));
  }, [name]);
  return machine;
}

function toValue(state: string): StateValue {
  const [status = "", detail] = state.split(".");
  return detail === undefined ? status : { [status]: detail };
}

function isStateValue(value: unknown): value is StateValue {
  if (typeof value === "string") return true;
  return typeof value === "object" && value !== null && Object.values(value).every(isStateValue);
}
