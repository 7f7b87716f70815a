import { afterEach, describe, expect, it } from "vitest";
import { type Answer, problem, startApiDouble } from "./api-double.ts";
import { actorfleet, ended, startCommand } from "./command.ts";

const laptop = {
  id: "lap/top",
  status: "running",
  state: "running.waiting",
  attempt: 1,
  maxAttempts: 3,
  takeovers: 1,
  priority: 2,
  tags: ["small"],
  queuedAt: 1_700_000_000_000,
  startedAt: 1_700_000_000_500,
  durationMs: 90_000,
  progress: "asking",
};
const records = { queued: 1, running: 2, completed: 3, failed: 4, cancelled: 5, total: 15 };
const shown = { ...laptop, stateValue: "asking", accepts: ["approve", "reject"] };

const answers: Record<string, Answer> = {
  "GET /executions?status=running&limit=1": { status: 200, body: { items: [laptop], nextCursor: "8" } },
  "GET /executions/lap%2Ftop": { status: 200, body: shown },
  "GET /executions/gone": problem(404, "EXECUTION_NOT_FOUND", "no execution has the id"),
  "GET /stats": { status: 200, body: { process: { mode: "accepting", maxConcurrent: 10, slotsTaken: 1, waiting: 1 }, records } },
  "POST /executions/lap%2Ftop/cancel": { status: 202, body: { accepted: true } },
  "POST /executions/gone/cancel": problem(404, "EXECUTION_NOT_FOUND", "no execution has the id"),
  "POST /executions/lap%2Ftop/events": { status: 202, body: { accepted: true } },
  "POST /executions/picky/events": problem(409, "SIGNAL_NOT_ACCEPTED", "not now", { accepts: ["approve", "reject"] }),
  "POST /executions/over/events": problem(409, "EXECUTION_ENDED", "over"),
};

let api: Awaited<ReturnType<typeof startApiDouble>>;
const started = async (given = answers) => {
  api = await startApiDouble(given);
  return ["--url", `${api.url}/`];
};

afterEach(() => api.close());

describe("over an HTTP API", () => {
  it("ls asks for what the options say, and shows it", async () => {
    const at = await started();
    const listed = await actorfleet("ls", "--status", "running", "--limit", "1", ...at);
    expect(listed.code, listed.error).toBe(0);
    expect(listed.out).toMatch(/^lap\/top +waiting +1\/3 .* 1\.5 min +asking$/m);
    expect(listed.out).toMatch(/--cursor 8/);
  });

  it("show tells what the execution accepts now", async () => {
    const at = await started();
    const { out } = await actorfleet("show", "lap/top", ...at);
    expect(out).toMatch(/attempt +1 of 3, 1 of them ended with their process\n/);
    expect(out).toMatch(/accepts +approve, reject\n/);
    expect(out).toMatch(/state value +asking\n/);
    expect(JSON.parse((await actorfleet("show", "lap/top", "--json", ...at)).out)).toEqual(shown);
    expect((await actorfleet("show", "gone", ...at)).code).toBe(1);
  });

  it("cancel and send tell what came of it", async () => {
    const at = await started();
    const cancelled = await actorfleet("cancel", "lap/top", "gone", "--reason", "enough", ...at);
    expect(cancelled).toMatchObject({
      code: 1,
      out: "lap/top: asked to stop; it is cancelled once it has\ngone: there is no such execution\n",
    });
    expect(api.asked[0]).toMatchObject({ request: "POST /executions/lap%2Ftop/cancel", body: { reason: "enough" } });
    const sent = await actorfleet("send", "lap/top", "approve", '{"by":"Grace"}', ...at, "--header", "authorization: Bearer 1");
    expect(sent).toMatchObject({ code: 0, out: "lap/top: approve is stored for it\n" });
    expect(api.asked.at(-1)).toMatchObject({ body: { type: "approve", by: "Grace" }, authorization: "Bearer 1" });
    const picky = await actorfleet("send", "picky", "refund", ...at);
    expect(picky).toMatchObject({ code: 1, out: "picky: not accepted; it takes approve, reject\n" });
    expect(await actorfleet("send", "over", "refund", ...at)).toMatchObject({ code: 1, out: "over: it has ended, and takes no signals\n" });
  });

  it("stats tells of the server's process, too", async () => {
    const at = await started();
    const { out } = await actorfleet("stats", ...at);
    expect(out).toMatch(/^total +15$/m);
    expect(out).toMatch(/The server's process is accepting: 1 of 10 slots taken, 1 waiting\./);
  });

  it("tells apart a refusal, a wrong place, a broken server and none at all", async () => {
    const ls = ["ls", "--status", "running"];
    const path = "GET /executions?status=running&limit=50";
    const errorOf = async (answer: Answer) => {
      const at = await started({ [path]: answer });
      const end = await actorfleet(...ls, ...at);
      await api.close();
      return { code: end.code, error: end.error.replaceAll(api.url, "URL") };
    };
    expect(await errorOf(problem(403, "ACCESS_REFUSED", "who are you"))).toEqual({
      code: 3,
      error: "error: URL refuses access: who are you. Add --header 'authorization: …' with what it asks for.\n",
    });
    const notApi = "error: URL does not answer GET /executions?status=running&limit=50 as an HTTP API of actorfleet does";
    expect(await errorOf({ status: 200, body: "<html>" })).toEqual({ code: 3, error: `${notApi} (status 200).\n` });
    expect(await errorOf(problem(404, "NOT_FOUND", "nothing"))).toEqual({ code: 3, error: `${notApi} (status 404).\n` });
    expect(await errorOf(problem(503, "STORE_UNAVAILABLE", "the store cannot be reached"))).toEqual({
      code: 3,
      error: "error: the store cannot be reached\n",
    });
    expect(await errorOf(problem(422, "FIELDS_INVALID", "group: too long"))).toEqual({ code: 1, error: "error: group: too long\n" });
    await started({});
    const { url } = api;
    await api.close();
    const gone = await ended(startCommand(ls, { ACTORFLEET_URL: url }));
    expect(gone).toMatchObject({ code: 3, error: expect.stringMatching(/cannot be reached: connect ECONNREFUSED/) });
    api = await startApiDouble({});
  });
});
