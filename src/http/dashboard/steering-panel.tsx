import { useRef, useState } from "preact/hooks";
import { cancelExecution, type Execution, sendSignal } from "./api.ts";

/** Buttons for what can be done with it now. */
export function SteeringPanel({ execution, onSteered }: { execution: Execution; onSteered: () => void }) {
  const { id, status, accepts = [] } = execution;
  const [asked, setAsked] = useState<{ type: string; body: string }>();
  const [answer, setAnswer] = useState("");
  const dialog = useRef<HTMLDialogElement>(null);
  if (status !== "queued" && status !== "running") return null;

  const ask = (type: string) => {
    setAsked({ type, body: type === "cancel" ? "" : JSON.stringify({ type }, undefined, 2) });
    dialog.current?.showModal();
  };
  const steer = async (event: Event) => {
    event.preventDefault();
    if (asked === undefined) return;
    dialog.current?.close();
    try {
      if (asked.type === "cancel") await cancelExecution(id, asked.body.trim());
      else await sendSignal(id, JSON.parse(asked.body));
      setAnswer(asked.type === "cancel" ? "asked to stop" : `${asked.type} was accepted`);
    } catch (error) {
      setAnswer((error as Error).message);
    }
    onSteered();
  };

  return (
    <section class="steering" aria-label="Steering">
      {accepts.map((type) => (
        <button type="button" key={type} onClick={() => ask(type)}>
          {type}
        </button>
      ))}
      <button type="button" class="danger" onClick={() => ask("cancel")}>
        Cancel
      </button>
      <output>{answer}</output>
      <dialog ref={dialog} onClose={() => setAsked(undefined)} aria-label={asked?.type}>
        {asked !== undefined && (
          <form onSubmit={steer}>
            <h2>{asked.type === "cancel" ? `Cancel ${id}?` : `Send ${asked.type}`}</h2>
            <label>
              {asked.type === "cancel" ? "reason, if there is one" : "the signal, as JSON"}
              <textarea
                rows={asked.type === "cancel" ? 2 : 8}
                spellcheck={false}
                value={asked.body}
                onInput={(event) => setAsked({ ...asked, body: event.currentTarget.value })}
              />
            </label>
            <div class="choices">
              <button type="button" onClick={() => dialog.current?.close()}>
                Back
              </button>
              <button type="submit" class={asked.type === "cancel" ? "danger" : "primary"}>
                {asked.type === "cancel" ? "Cancel execution" : "Send"}
              </button>
            </div>
          </form>
        )}
      </dialog>
    </section>
  );
}
