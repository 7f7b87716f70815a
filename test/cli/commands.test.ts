import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { actorfleet, ended, printed, startCommand } from "./command.ts";
import { addApprovals, addReports, goOnWithApprovals, type SampleStore, sampleFolder } from "./sample-store.ts";

let sample: SampleStore;

beforeEach(() => {
  sample = sampleFolder();
});
afterEach(() => sample.remove());

describe("ls", () => {
  it("shows executions in the order of their start, and finds the only name by itself", async () => {
    await addReports(sample.filename);
    const { code, out, error } = await actorfleet("ls", "--store", sample.place);
    expect({ code, error }).toEqual({ code: 0, error: "" });
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^ID +STATE +TRY +AGE +TIME +DETAIL$/);
    expect(lines.slice(1).map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ["good", "completed"],
      ["bad", "failed"],
      ["later", "delayed"],
      ["next", "queued"],
    ]);
    expect(lines[1]).toContain('{"title":"good","pages":12}');
    expect(lines[2]).toContain("NonRetryableError: this report�[31m cannot be written");
    expect(out).not.toContain("\u001b");
  });

  it("filters, pages and gives JSON", async () => {
    await addReports(sample.filename);
    const queued = await actorfleet("ls", "--store", sample.place, "--status", "queued", "--json");
    expect(JSON.parse(queued.out).items.map(({ id }: { id: string }) => id)).toEqual(["later", "next"]);
    const first = JSON.parse((await actorfleet("ls", "--store", sample.place, "--limit", "3", "--json")).out);
    expect(first.items).toHaveLength(3);
    const rest = await actorfleet("ls", "--store", sample.place, "--cursor", first.nextCursor, "--json");
    expect(JSON.parse(rest.out)).toMatchObject({ items: [{ id: "next" }] });
    expect(JSON.parse(rest.out)).not.toHaveProperty("nextCursor");
    expect((await actorfleet("ls", "--store", sample.place, "--limit", "3")).out).toMatch(
      /There may be more: --cursor \S+, or a higher --limit/,
    );
    const newest = await actorfleet("ls", "--store", sample.place, "--newest", "--limit", "3", "--json");
    expect(JSON.parse(newest.out).items.map(({ id }: { id: string }) => id)).toEqual(["next", "later", "bad"]);
    expect((await actorfleet("ls", "--store", sample.place, "--group", "nobody")).out).toBe("No executions.\n");
  });

  it("takes the store from the environment, and the command line before it", async () => {
    await addReports(sample.filename);
    const fromEnvironment = await ended(startCommand(["ls"], { ACTORFLEET_STORE: sample.place, ACTORFLEET_URL: "" }));
    expect(fromEnvironment.out).toContain("good");
    const fromBoth = await ended(startCommand(["ls", "--store", sample.place], { ACTORFLEET_URL: "http://127.0.0.1:9" }));
    expect(fromBoth.out).toContain("good");
  });

  it("ends quietly when its reader has read enough", async () => {
    await addReports(sample.filename);
    const command = startCommand(["ls", "--store", sample.place]);
    command.child.stdout?.destroy();
    expect(await ended(command)).toMatchObject({ code: 0, error: "" });
  });
});

describe("show", () => {
  it("tells all about one: input, result, and why it failed", async () => {
    await addReports(sample.filename);
    const good = await actorfleet("show", "good", "--store", sample.place);
    expect(good.out).toMatch(/^id +good\nstate +completed\nattempt +1\nqueued +\d{4}-\d\d-\d\d .* UTC\n/);
    expect(good.out).toMatch(/\ninput +good\nresult +\{"title":"good","pages":12\}\n$/);
    const bad = await actorfleet("show", "bad", "--store", sample.place);
    expect(bad.out).toMatch(/\nerror +NonRetryableError: this report�\[31m cannot be written \(NON_RETRYABLE\)\n {2}at /);
    const json = JSON.parse((await actorfleet("show", "bad", "--store", sample.place, "--json")).out);
    expect(json).toMatchObject({ id: "bad", status: "failed", error: { code: "NON_RETRYABLE" }, input: "bad", machineId: "function" });
  });

  it("shows what waits, and until when", async () => {
    await addReports(sample.filename);
    expect((await actorfleet("show", "later", "--store", sample.place)).out).toMatch(/state +queued\.delayed\n(.*\n)*due +\d{4}-/);
  });

  it("says when there is none", async () => {
    await addReports(sample.filename);
    const text = await actorfleet("show", "nobody", "--store", sample.place);
    expect(text).toEqual({ code: 1, out: "", error: "error: There is no execution with the id nobody.\n" });
    const { code, error } = await actorfleet("show", "nobody", "--store", sample.place, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(error)).toEqual({ error: { code: "EXECUTION_NOT_FOUND", message: "There is no execution with the id nobody." } });
  });
});

describe("send and cancel", () => {
  it("steer what waits in the store, and a worker goes on with it", async () => {
    await addApprovals(sample.filename);
    const at = ["--store", sample.place];
    expect((await actorfleet("ls", ...at)).out).toMatch(/^laptop +waiting .*\nyacht +waiting /m);
    const sent = await actorfleet("send", "laptop", "approve", '{"by":"Grace"}', ...at);
    expect(sent).toEqual({ code: 0, out: "laptop: approve is stored for it\n", error: "" });
    expect((await actorfleet("show", "laptop", ...at)).out).toMatch(/unread signals +1/);
    expect(await goOnWithApprovals(sample.filename, "laptop")).toEqual({ by: "Grace" });

    const cancelled = await actorfleet("cancel", "yacht", "laptop", "nobody", "--reason", "too large", ...at);
    expect(cancelled.code).toBe(1);
    expect(cancelled.out).toBe("yacht: cancelled\nlaptop: it had ended already: completed\nnobody: there is no such execution\n");
    expect((await actorfleet("ls", "--status", "cancelled", ...at)).out).toMatch(/^yacht +cancelled .* too large$/m);
    const json = await actorfleet("cancel", "yacht", "--json", ...at);
    expect({ code: json.code, answer: JSON.parse(json.out) }).toEqual({
      code: 1,
      answer: [{ id: "yacht", accepted: false, status: "cancelled" }],
    });

    const late = await actorfleet("send", "yacht", "approve", ...at);
    expect(late).toMatchObject({ code: 1, out: "yacht: it has ended, and takes no signals\n" });
    expect(JSON.parse((await actorfleet("send", "nobody", "approve", "--json", ...at)).out)).toMatchObject({
      accepted: false,
      reason: "unknown",
    });
  });

  it.each([
    ['{"by":', /fields: expected JSON, got \{"by":/],
    ["[1]", /fields: expected a JSON object such as \{"by":"Grace"\}, got \[1\]/],
    ['{"type":"other"}', /fields: the type is the argument before them/],
  ])("refuse fields that are %s", async (fields, message) => {
    const { code, error } = await actorfleet("send", "laptop", "approve", fields, "--store", sample.place);
    expect(code).toBe(2);
    expect(error).toMatch(message);
  });
});

describe("stats and watch", () => {
  it("count what there is", async () => {
    await addReports(sample.filename);
    const text = await actorfleet("stats", "--store", sample.place);
    expect(text.out).toBe("queued     2\nrunning    0\ncompleted  1\nfailed     1\ncancelled  0\ntotal      4\n");
    const json = await actorfleet("stats", "--store", sample.place, "--json");
    expect(JSON.parse(json.out)).toEqual({ records: { queued: 2, running: 0, completed: 1, failed: 1, cancelled: 0, total: 4 } });
  });

  it("without a terminal, watch writes a line when the counts change, and ends by Ctrl-C", async () => {
    await addReports(sample.filename);
    const lines = startCommand(["watch", "--store", sample.place, "--interval", "20"]);
    const objects = startCommand(["watch", "--store", sample.place, "--interval", "20", "--json"]);
    await Promise.all([printed(lines, /2 queued/), printed(objects, /"queued":2/)]);
    await actorfleet("cancel", "next", "--store", sample.place);
    await Promise.all([printed(lines, /1 queued/), printed(objects, /"queued":1/)]);
    lines.child.kill("SIGINT");
    objects.child.kill("SIGTERM");
    const [text, json] = await Promise.all([ended(lines), ended(objects)]);
    expect([text.code, json.code]).toEqual([0, 0]);
    const counts = text.out
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ""));
    expect(counts).toEqual([
      "2 queued, 0 running, 1 completed, 1 failed, 0 cancelled",
      "1 queued, 0 running, 1 completed, 1 failed, 1 cancelled",
    ]);
    expect(
      json.out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).counts.queued),
    ).toEqual([2, 1]);
  });
});

describe("a wrong command line", () => {
  it.each([
    [["lst"], /unknown command 'lst'\n\(Did you mean ls\?\)/],
    [["ls", "--stattus", "queued"], /unknown option '--stattus'\n\(Did you mean --status\?\)/],
    [["ls", "--status", "done"], /Allowed choices are queued, running, completed, failed, cancelled/],
    [["ls", "--limit", "0"], /expected a whole number from 1 on/],
    [["show"], /missing required argument 'id'/],
    [["ls"], /Say where the executions are:\n {2}--store sqlite:FILE/],
    [["ls", "--store", "mysql://host"], /--store: expected sqlite:FILE, postgres:\/\/… or redis:\/\/…, got mysql:\/\/host/],
    [["ls", "--store", "package.json"], /Did you mean sqlite:package\.json\?/],
    [["ls", "--url", "localhost:80"], /--url: expected http:\/\/HOST:PORT or https:\/\/…, got localhost:80/],
    [["ls", "--url", "http://localhost", "--header", "nonsense"], /--header: expected 'name: value'/],
    [["ls", "--store", "sqlite:x", "--url", "http://localhost"], /only one of them/],
  ])("%j is refused, and says what is right", async (options, message) => {
    const { code, out, error } = await actorfleet(...options);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(error).toMatch(message);
  });

  it("without any command, help says what there is", async () => {
    const bare = await actorfleet();
    expect(bare.code).toBe(2);
    const asked = await actorfleet("--help");
    expect(asked.code).toBe(0);
    for (const text of [bare.error, asked.out]) expect(text).toMatch(/Commands:(.|\n)*ls(.|\n)*watch(.|\n)*Exit codes:/);
    for (const store of ["sqlite:", "postgres://", "redis://"]) expect(asked.out).toContain(`--store ${store}`);
    expect((await actorfleet("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("a store that is not as it should be", () => {
  it("is not made by looking for it", async () => {
    const { code, error } = await actorfleet("ls", "--store", sample.place);
    expect({ code, error }).toEqual({ code: 3, error: `error: There is no file ${sample.filename}.\n` });
    expect(existsSync(sample.filename)).toBe(false);
  });

  it("may be another file, or a database of something else, and stays as it was", async () => {
    const text = join(sample.folder, "notes.txt");
    writeFileSync(text, "nothing of a database".repeat(100));
    expect(await actorfleet("ls", "--store", `sqlite:${text}`)).toMatchObject({
      code: 3,
      error: `error: ${text} cannot be read: file is not a database\n`,
    });
    const database = new DatabaseSync(sample.filename);
    database.exec("CREATE TABLE songs (title TEXT)");
    expect(await actorfleet("ls", "--store", sample.place)).toMatchObject({
      code: 3,
      error: `error: There are no executions of actorfleet in ${sample.filename}.\n`,
    });
    expect(database.prepare("SELECT name FROM sqlite_master").all()).toEqual([{ name: "songs" }]);
    database.close();
  });

  it("with several names wants one of them", async () => {
    await addReports(sample.filename, "reports");
    await addReports(sample.filename, "drafts");
    const which = await actorfleet("ls", "--store", sample.place);
    expect(which.code).toBe(2);
    expect(which.error).toMatch(/has executions of several coordinators; add --name with one of drafts, reports\./);
    expect((await actorfleet("ls", "--store", sample.place, "--name", "drafts")).out).toContain("good");
    const other = await actorfleet("ls", "--store", sample.place, "--name", "draft");
    expect(other.code).toBe(1);
    expect(other.error).toMatch(/has no executions of a coordinator named draft; it has drafts, reports\./);
  });

  it("of Postgres that cannot be reached is named without its password, and without `pg` says what to install", async () => {
    const place = "postgres://me:secret@127.0.0.1:1/fleet";
    const away = await actorfleet("ls", "--store", place);
    expect(away.code).toBe(3);
    expect(away.error).toMatch(/^error: postgres:\/\/me@127\.0\.0\.1:1\/fleet cannot be reached: connect ECONNREFUSED/);
    expect(away.error).not.toContain("secret");
    const hook = `import { registerHooks } from "node:module";
      registerHooks({ resolve(name, context, next) { if (name === "pg") throw new Error("not installed"); return next(name, context); } });`;
    const withoutPg = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
    const missing = await ended(startCommand(["ls", "--store", place], {}, withoutPg));
    expect(missing).toMatchObject({ code: 3, error: 'error: the Postgres store needs the "pg" package. Run: npm install pg\n' });
  });
});
