import { type Browser, chromium } from "playwright-core";
import { findProgram } from "./debian-program.ts";

/** The machine's own Chromium, or why there is none. */
export async function launchChromium(): Promise<Browser | string> {
  const program = findProgram(["chromium", "chromium-browser", "google-chrome"], "chromium");
  if ("missing" in program) return program.missing;
  const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath: program.path, args: ["--no-sandbox", "--disable-gpu", ...quiet] });
}
