import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Where a program of the machine is; where it is not there and packages may be installed, its Debian package is.
 *
 * @returns its path, or why there is none.
 */
export function findProgram(names: readonly string[], debianPackage: string): { path: string } | { missing: string } {
  const found = lookFor(names);
  if (found !== undefined) return { path: found };
  if (process.getuid?.() !== 0 || lookFor(["apt-get"]) === undefined) {
    return { missing: `${names[0]} is not installed, and only root can install the Debian package ${debianPackage}` };
  }
  if (!install(debianPackage)) return { missing: `${names[0]} is not installed, and apt-get could not install ${debianPackage}` };
  const installed = lookFor(names);
  return installed === undefined ? { missing: `the Debian package ${debianPackage} has no ${names[0]}` } : { path: installed };
}

/** Other processes may be installing, too; and a new machine knows of no packages before its first update. */
function install(debianPackage: string): boolean {
  const aptGet = (...args: string[]) =>
    spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=300", "-y", ...args], {
      stdio: "ignore",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    }).status === 0;
  const tryInstall = () => aptGet("install", "--no-install-recommends", debianPackage);
  return tryInstall() || (aptGet("update") && tryInstall());
}

function lookFor(names: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/sbin", "/usr/lib/rabbitmq/bin"];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}
