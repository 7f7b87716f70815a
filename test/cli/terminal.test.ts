import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../src/index.ts";
import { shellLine } from "./command.ts";
import { closeTerminals, openTerminal } from "./pseudo-terminal.ts";
import { addApprovals, addReports, type SampleStore, sampleFolder } from "./sample-store.ts";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";

let sample: SampleStore;

beforeEach(() => {
  sample = sampleFolder();
});
afterEach(() => {
  closeTerminals();
  sample.remove();
});

const command = (...options: string[]) => shellLine([...options, "--store", sample.place]);

describe("in a terminal, a list", () => {
  it("has colours, and fits into 60 columns with the detail cut off", async () => {
    await addReports(sample.filename);
    const terminal = openTerminal(command("ls"), { columns: 60 });
    expect(await terminal.ended()).toBe(0);
    const lines = terminal.written().trimEnd().split("\r\n");
    expect(lines).toHaveLength(5);
    expect(lines[1]).toContain("\u001b[32mcompleted");
    const plain = lines.map(stripVTControlCharacters);
    expect(plain.every((line) => line.length <= 60)).toBe(true);
    expect(plain[2]).toMatch(/^bad +failed +1 .* NonRetryableErr.*…$/);
  });

  it("leaves columns out where there is no room at all", async () => {
    await addReports(sample.filename);
    const terminal = openTerminal(command("ls"), { columns: 32 });
    expect(await terminal.ended()).toBe(0);
    const [head = "", ...rest] = stripVTControlCharacters(terminal.written()).trimEnd().split("\r\n");
    expect(head.trim().split(/ +/)).toEqual(["ID", "STATE", "AGE", "TIME"]);
    expect(rest.every((line) => line.length <= 32)).toBe(true);
  });

  it("has no colours with NO_COLOR", async () => {
    await addReports(sample.filename);
    const terminal = openTerminal(command("ls"), { environment: { NO_COLOR: "1" } });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.written()).not.toContain("\u001b");
    expect(terminal.written()).toContain("completed");
  });
});

describe("in a terminal, watch", () => {
  it("redraws its table in place, shows what is left out, and gives the cursor back on Ctrl-C", async () => {
    await addApprovals(sample.filename);
    const store = createSqliteStore({ filename: sample.filename });
    const client = createDurableCoordinator({ name: "approvals", store, role: "client", orchestrator: async (_: string) => {} });
    for (let index = 0; index < 12; index++) await client.start("more", { id: `more ${index}` });

    const terminal = openTerminal(command("watch", "--interval", "50"), { columns: 72, rows: 12 });
    const before = await terminal.shows(/and 7 more/);
    expect(before.slice(0, 4)).toEqual([
      "12 queued, 2 running, 0 completed, 0 failed, 0 cancelled",
      "",
      expect.stringMatching(/^ID +STATE +TRY +GROUP +AGE +TIME +DETAIL$/),
      expect.stringMatching(/^laptop +waiting +1 +office .* asking$/),
    ]);

    for (let index = 0; index < 12; index++) await client.cancel(`more ${index}`);
    const after = await terminal.shows(/^0 queued, 2 running, 0 completed, 0 failed, 12 cancelled$/m);
    // Nothing of the longer table is left on the screen.
    expect(after.filter((line) => line !== "")).toHaveLength(4);
    expect(after[0]).toMatch(/^0 queued/);

    await client.cancel("laptop");
    await client.cancel("yacht");
    await terminal.shows(/Nothing runs or waits\./);
    terminal.type("\u0003");
    expect(await terminal.ended()).toBe(0);
    const written = terminal.written();
    expect(written.indexOf(hideCursor)).toBeGreaterThan(-1);
    expect(written.lastIndexOf(showCursor)).toBeGreaterThan(written.lastIndexOf(hideCursor));
    await client.close();
    await store.close();
  });

  it("in a dumb terminal, writes lines instead", async () => {
    await addReports(sample.filename);
    const terminal = openTerminal(command("watch", "--interval", "50"), { environment: { TERM: "dumb" } });
    await terminal.shows(/^\d\d:\d\d:\d\d {2}2 queued, 0 running/m);
    terminal.type("\u0003");
    expect(await terminal.ended()).toBe(0);
    expect(terminal.written()).not.toContain("\u001b");
  });
});
