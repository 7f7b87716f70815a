/** A mistake that somebody could make: `find` stands exactly once in `file` and becomes `replace`. */
export interface Fault {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const faults: readonly Fault[] = [
  {
    name: "one more than maxConcurrent gets a slot",
    file: "src/core/admission.ts",
    find: "return this.#taken < this.maxConcurrent ?",
    replace: "return this.#taken <= this.maxConcurrent ?",
  },
  {
    name: "a cancel frees the slot before the orchestrator has settled",
    file: "src/core/lifecycle.ts",
    find: 'this.#parts.outbox.addEvent(record, { type: "execution.cancelling"',
    replace: 'this.#parts.admission.free(record);\n    this.#parts.outbox.addEvent(record, { type: "execution.cancelling"',
  },
  {
    name: "a timeout frees the slot before the orchestrator has settled",
    file: "src/core/lifecycle.ts",
    find: 'this.#parts.outbox.addEvent(record, { type: "execution.timingOut" });',
    replace: 'this.#parts.admission.free(record);\n    this.#parts.outbox.addEvent(record, { type: "execution.timingOut" });',
  },
  {
    name: "what was delayed never joins the queue",
    file: "src/core/lifecycle.ts",
    find: 'record.actor?.send({ type: "execution.due" });\n      this.#parts.admission.push(record);',
    replace: 'record.actor?.send({ type: "execution.due" });',
  },
  {
    name: "a cancelled execution stays in the queue",
    file: "src/core/lifecycle.ts",
    find: "    this.#parts.admission.remove(record);\n    record.returning = false;",
    replace: "    record.returning = false;",
  },
  {
    name: "the last to come goes first",
    file: "src/core/admission-queue.ts",
    find: "return a.order < b.order;",
    replace: "return a.order > b.order;",
  },
  {
    name: "priority counts for nothing within a group",
    file: "src/core/admission-queue.ts",
    find: "if (a.priority !== b.priority) return a.priority > b.priority;",
    replace: "",
  },
  {
    name: "priority counts for nothing between groups",
    file: "src/core/admission-queue.ts",
    find: "if (headOfA.priority !== headOfB.priority) return headOfA.priority > headOfB.priority;",
    replace: "",
  },
  {
    name: "a group is served until it is empty",
    file: "src/core/admission-queue.ts",
    find: "    lane.turn = this.#turns++;\n    lane.running += 1;",
    replace: "    lane.running += 1;",
  },
  {
    name: "the limit of a group counts for nothing",
    file: "src/core/admission-queue.ts",
    find: "lane.waiting.size > 0 && lane.running < lane.limit",
    replace: "lane.waiting.size > 0",
  },
  {
    name: "a slot is freed twice",
    file: "src/core/admission.ts",
    find: "    if (!record.holdsSlot) return;\n",
    replace: "",
  },
  {
    name: "those that come back from waiting stand behind the queue",
    file: "src/core/admission-queue.ts",
    find: "if (headOfA.returning !== headOfB.returning) return headOfA.returning;",
    replace: "",
  },
  {
    name: "one that goes on by itself is not counted",
    file: "src/core/admission.ts",
    find: "    this.#queue.take(record);\n    this.#taken += 1;\n    record.holdsSlot = true;",
    replace: "    this.#queue.take(record);",
  },
  {
    name: "a retry joins the front of its equals",
    file: "src/core/admission-queue.ts",
    find: "item.order = this.#orders++;",
    replace: "item.order = item.order > 0 ? 0 : this.#orders++;",
  },
  {
    name: "the timeout runs on while the machine waits",
    file: "src/core/lifecycle.ts",
    find: "    record.timeLeftMs = record.timer && timers.remainingMs(record.timer);\n    this.#setTimer(record, undefined);",
    replace: "    record.timeLeftMs = record.timer && timers.remainingMs(record.timer);",
  },
  {
    name: "the timeout begins anew after waiting",
    file: "src/core/lifecycle.ts",
    find: "this.#limitTime(record, timeLeftMs);",
    replace: "this.#limitTime(record, record.request.timeoutMs);",
  },
  {
    name: "a paused coordinator still admits",
    file: "src/core/fleet.ts",
    find: 'const servesQueued = this.mode !== "paused";',
    replace: "const servesQueued = true;",
  },
  {
    name: "a result that comes while cancelling makes it completed",
    file: "machines/execution-machine.ts",
    find: '            "xstate.done.actor.attempt": {\n              target: "#execution.cancelled",',
    replace: '            "xstate.done.actor.attempt": {\n              target: "#execution.completed",',
  },
  {
    name: "a cancel while timing out is not heard",
    file: "machines/execution-machine.ts",
    find: '            ],\n            "execution.cancel": { target: "cancelling", actions: { type: "recordReason", params: ({ event }) => event } },',
    replace: "            ],",
  },
  {
    name: "cleanup removes what is exactly as old",
    file: "src/core/archive.ts",
    find: "> ageMs) end += 1",
    replace: ">= Math.max(ageMs, 1)) end += 1",
  },
  {
    name: "retention keeps one record too many",
    file: "src/core/archive.ts",
    find: "surplus > 0 ? this.#take",
    replace: "surplus > 1 ? this.#take",
  },
  {
    name: "waiters are not told",
    file: "src/core/lifecycle.ts",
    find: "    for (const waiter of waiters ?? []) settle(waiter, record);\n",
    replace: "",
  },
  {
    name: "an attempt more than maxAttempts is made",
    file: "src/core/attempt-run.ts",
    find: "failures >= maxAttempts",
    replace: "failures > maxAttempts",
  },
  {
    name: "a raised limit admits nobody until something else happens",
    file: "src/core/fleet.ts",
    find: "    this.#admission.maxConcurrent = maxConcurrent;\n    this.#admit();",
    replace: "    this.#admission.maxConcurrent = maxConcurrent;",
  },
  {
    name: "the grace period never ends",
    file: "src/core/lifecycle.ts",
    find: '(phase !== "cancelling" && phase !== "timingOut")',
    replace: 'phase !== "timingOut"',
  },
  {
    name: "the rate limit counts for nothing",
    file: "src/core/admission.ts",
    find: "if (!servesQueued || this.rateWaitMs() > 0) return undefined;",
    replace: "if (!servesQueued) return undefined;",
  },
  {
    name: "a known idempotency key starts a second execution",
    file: "src/core/start-order.ts",
    find: "index.withKey(idempotencyKey)?.request ?? ",
    replace: "",
  },
];
