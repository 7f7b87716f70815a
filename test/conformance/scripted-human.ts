import type { HarnessClock } from "./harness-clock.ts";
import type { ApprovalAnswer, Feedback, FeedbackRequest, HumanInTheLoop } from "./library.ts";
import { delay, Script, untilAborted } from "./script.ts";
import { toCamelCase } from "./spelling.ts";
import type { Words } from "./words.ts";

interface ApprovalEntry {
  /** Undefined: no answer ever comes. */
  readonly answer: ApprovalAnswer | undefined;
  readonly delayMs: number;
}

/** The human of a case, and what it was asked. */
export interface ScriptedHuman {
  readonly human: HumanInTheLoop;
  /** The outputs that feedback was asked about. */
  readonly feedbackOutputs: string[];
}

export function scriptedHuman(words: Words, clock: HarnessClock): ScriptedHuman {
  const approvals = new Script((words.blocks("approvals") ?? []).map(toApprovalEntry));
  const responseTimeoutMs = words.number("responseTimeoutMs");
  const isAvailable = words.flag("available") ?? true;
  const feedback = toFeedback(words);
  words.done();
  const feedbackOutputs: string[] = [];
  return {
    feedbackOutputs,
    human: {
      isAvailable,
      ...(responseTimeoutMs !== undefined && { responseTimeoutMs }),
      async requestApproval(_request: unknown, { signal }: { signal: AbortSignal }) {
        const { answer, delayMs } = approvals.next();
        await delay(clock, delayMs, signal);
        return answer ?? untilAborted(signal);
      },
      async requestFeedback({ output }: FeedbackRequest) {
        feedbackOutputs.push(output);
        return feedback;
      },
    },
  };
}

function toApprovalEntry(words: Words): ApprovalEntry {
  const never = words.flag("never") ?? false;
  const decision = words.text("decision");
  if (never === (decision !== undefined)) throw words.unknown("decision");
  const modifiedAction = words.text("modifiedAction");
  const comment = words.text("comment") ?? words.text("feedback");
  const entry: ApprovalEntry = {
    delayMs: words.number("delayMs") ?? 0,
    answer:
      decision === undefined
        ? undefined
        : {
            decision: toCamelCase(decision) as ApprovalAnswer["decision"],
            ...(modifiedAction !== undefined && { modifiedAction }),
            ...(comment !== undefined && { comment }),
          },
  };
  words.done();
  return entry;
}

/** What `requestFeedback` answers: a text is a comment. */
function toFeedback(words: Words): Feedback {
  const given = words.any("feedback");
  if (given === undefined || given === null) return {};
  if (typeof given === "string") return { comment: given };
  const fields = words.block("feedback") as Words;
  const comment = fields.text("comment") ?? fields.text("text");
  const rating = fields.number("rating");
  fields.done();
  return { ...(comment !== undefined && { comment }), ...(rating !== undefined && { rating }) };
}
