import * as z from "zod";
import { executionStatuses } from "../model/execution.ts";

/** Schemas of what is sent and answered. The OpenAPI document is made from them, and requests are checked with them. */

const maxSpanMs = 315_360_000_000;

/** What every store can keep, and every address can carry. */
export const storableText = z.string().regex(/^[^\0\p{Surrogate}]*$/u, "has a NUL or a lone surrogate");
const name = storableText.min(1).max(512);
const spanMs = z.int().min(0).max(maxSpanMs).describe("milliseconds, ten years at most");
const positiveSpanMs = z.int().min(1).max(maxSpanMs).describe("milliseconds, ten years at most");
const instant = z.number().describe("epoch milliseconds");

const executionId = name.refine((id) => id !== "." && id !== "..", "cannot be part of an address");
const status = z.enum(executionStatuses as [string, ...string[]]).meta({ id: "ExecutionStatus" });

const startOptionsSchema = z.strictObject({
  id: executionId.optional().describe("generated when left out"),
  priority: z.number().optional().describe("higher goes first; 0"),
  group: name.optional(),
  tags: z.array(name).max(100).optional(),
  delayMs: spanMs.optional(),
  timeoutMs: positiveSpanMs.optional(),
  retry: z
    .strictObject({
      maxAttempts: z.int().min(1).optional(),
      backoff: z
        .strictObject({
          type: z.literal("exponential").optional(),
          delayMs: spanMs.optional(),
          factor: z.number().min(1).optional(),
          maxDelayMs: spanMs.optional(),
          jitter: z.number().min(0).max(1).optional(),
        })
        .optional(),
    })
    .optional(),
  // Not `llm`: whoever could set its endpoint would be sent the key of this server.
  settings: z
    .strictObject({ orchestration: z.record(z.string(), z.unknown()).optional() })
    .optional()
    .describe("settings of an autonomous run, as in code"),
});

export const startSchema = z
  .strictObject({
    input: z.unknown().optional().describe("what the orchestrator gets"),
    options: startOptionsSchema.optional(),
  })
  .meta({ id: "Start" });

export const cancelSchema = z.strictObject({ reason: storableText.min(1).max(2_000).optional() }).meta({ id: "Cancel" });

export const signalSchema = z
  .looseObject({ type: z.string().min(1).max(512) })
  .meta({ id: "Signal", description: "an event for the orchestrator" });

export const listQuerySchema = z.strictObject({
  status: status.optional(),
  group: name.optional(),
  tag: name.optional(),
  order: z.enum(["oldest", "newest"]).optional().describe("which come first; the oldest"),
  limit: z.coerce.number().int().min(1).max(1_000).optional().describe("at most so many; 100"),
  cursor: z
    .string()
    .regex(/^[0-9a-z]{1,11}$/, "is no nextCursor of a page")
    .optional()
    .describe("nextCursor of the page before, which had the same order"),
});

export const historyQuerySchema = z.strictObject({
  after: z.coerce.number().int().min(0).max(1_000_000_000).default(0).describe("`sequence` of the last event that is known; 0"),
  limit: z.coerce.number().int().min(1).max(1_000).default(1_000).describe("at most so many; 1 000"),
});

const serializedErrorSchema = z
  .looseObject({ name: z.string(), message: z.string(), code: z.string().optional() })
  .meta({ id: "ExecutionError", description: "why it failed; `cause` is another one" });

const executionFields = {
  id: z.string(),
  status,
  state: z.string().describe("the status with its detail, for instance running.waiting"),
  attempt: z.int().min(0),
  maxAttempts: z.number().nullable().describe("null: no limit"),
  takeovers: z.int().min(0),
  priority: z.number(),
  group: z.string().optional(),
  tags: z.array(z.string()),
  queuedAt: instant,
  startedAt: instant.optional(),
  completedAt: instant.optional(),
  durationMs: z.number().min(0),
  progress: z.unknown().optional(),
  error: serializedErrorSchema.optional(),
  reason: z.string().optional(),
  abandoned: z.boolean().optional(),
};

const listedExecutionSchema = z.object(executionFields).meta({ id: "ListedExecution", description: "an execution without its result" });

export const executionSchema = z
  .object({
    ...executionFields,
    result: z.unknown().optional().describe("once completed"),
    stateValue: z
      .union([z.string(), z.record(z.string(), z.unknown())])
      .optional()
      .describe("of its machine, where it is one and at work"),
    accepts: z.array(z.string()).optional().describe("types of the signals that its machine takes now"),
  })
  .meta({ id: "Execution" });

export const pageSchema = z
  .object({ items: z.array(listedExecutionSchema), nextCursor: z.string().optional() })
  .meta({ id: "ExecutionPage" });

export const historySchema = z
  .object({
    items: z.array(
      z.looseObject({
        type: z.string(),
        executionId: z.string(),
        sequence: z.int().describe("counts from 1 for each execution"),
        at: instant,
        attempt: z.int().min(0),
      }),
    ),
  })
  .meta({ id: "History", description: "stored events of an execution; none where none are kept" });
export const startedSchema = z.object({ id: z.string() }).meta({ id: "Started" });
export const acceptedSchema = z.object({ accepted: z.literal(true) }).meta({ id: "Accepted" });

export const statsSchema = z
  .object({
    process: z
      .object({
        mode: z.string(),
        maxConcurrent: z.number(),
        slotsTaken: z.number(),
        queued: z.number(),
        running: z.number(),
        waiting: z.number(),
        completed: z.number(),
        failed: z.number(),
        cancelled: z.number(),
        abandoned: z.number(),
        unclaimable: z.number().optional(),
      })
      .describe("what this process knows of itself"),
    records: z
      .object({
        queued: z.number(),
        running: z.number(),
        completed: z.number(),
        failed: z.number(),
        cancelled: z.number(),
        total: z.number(),
      })
      .describe("how many records have each status, in all processes"),
  })
  .meta({ id: "Stats" });

export const healthSchema = z.object({ status: z.literal("ok"), mode: z.string() }).meta({ id: "Health" });
export const machineNamesSchema = z.object({ items: z.array(z.string()) }).meta({ id: "MachineNames" });
export const machineSchema = z
  .looseObject({ id: z.string(), events: z.array(z.string()).describe("types of all events it knows") })
  .meta({ id: "Machine", description: "the definition of a statechart, as XState gives it" });

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.string().describe("stable, one for each kind of problem"),
    errors: z
      .array(
        z.object({
          detail: z.string(),
          pointer: z.string().optional().describe("JSON pointer into the body"),
          parameter: z.string().optional(),
          header: z.string().optional(),
        }),
      )
      .optional(),
    accepts: z.array(z.string()).optional().describe("of SIGNAL_NOT_ACCEPTED: types of the signals that are accepted now"),
  })
  .meta({ id: "Problem", description: "RFC 9457" });
