/** The other half of `ask.ts`: another process answers, and, as a worker of the same coordinator, does what follows from the answer. */
import { openExpenses } from "./expenses.ts";

const [id = "laptop", by = "Grace", answer = "approve"] = process.argv.slice(2);
const { coordinator, close } = openExpenses();

const sent = await coordinator.send(id, { type: `expense.${answer}`, by });
if (sent.accepted) console.log(`${id}: ${await coordinator.waitFor(id)}`);
else console.log(`${id}: ${sent.reason === "final" ? `answered already: ${await coordinator.waitFor(id)}` : "nobody has asked for this"}`);
await close();
