/** A run that asks a human before it begins, is told of the answer by a signal, and holds no slot while it waits. */
import { type ApprovalRequest, createCoordinator } from "../src/index.ts";

// Somebody is told, by mail or in a chat. A request is plain data: it may be answered from anywhere, days later.
const inbox = new Map<string, ApprovalRequest>();

const coordinator = createCoordinator({
  maxConcurrent: 1,
  executor: async ({ prompt }, { context }) => {
    const comments = context.humanComments.map(({ text }) => ` (${text})`).join("");
    return { success: true, output: `done: ${prompt}${comments}` };
  },
  humanInTheLoop: {
    responseTimeoutMs: 3 * 24 * 60 * 60_000,
    notify: (request) => {
      console.log(`asked: may ${request.executionId} "${request.prompt}"?`);
      inbox.set(request.executionId, request);
    },
  },
});

// Only those that are dangerous ask; each start has its own settings. When nobody answers in three days, the answer is no.
const asking = {
  orchestration: { humanInTheLoop: { enabled: true, autoApproveOnTimeout: false, requiredApprovalPoints: ["beforeTaskStart"] } },
} as const;

const events = coordinator.events();
await coordinator.start({ id: "1", prompt: "delete old files" }, { id: "cleanup", settings: asking });
await coordinator.start({ id: "2", prompt: "sell the office" }, { id: "sale", settings: asking });
let waiting = 0;
for await (const event of events) if (event.type === "execution.waiting" && ++waiting === 2) break;
for (const { id, state } of coordinator.list().items) console.log(`${id}: ${state}`);

// One slot, two runs that wait for a human, and yet there is room for a third one.
const report = await coordinator.start({ id: "3", prompt: "write the report" }, { id: "report" });
console.log(`report: ${(await coordinator.waitFor(report)).finalOutput}`);

const answer = (id: string, decision: "approved" | "rejected", comment: string) =>
  coordinator.send(id, { type: "human.answered", requestId: inbox.get(id)?.requestId ?? "", decision, comment });

console.log("approve:", answer("cleanup", "approved", "but keep those of this year"));
console.log("reject:", answer("sale", "rejected", "certainly not"));
console.log(`cleanup: ${(await coordinator.waitFor("cleanup")).finalOutput}`);
await coordinator.waitFor("sale").catch((error: Error) => console.log(`sale: ${error.name}: ${error.message}`));

console.log("approve again:", answer("cleanup", "approved", "twice"));
await coordinator.close();
