#!/usr/bin/env node
// Nothing else is imported at the top: an older Node must get as far as the message.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`actorfleet needs Node 22.18 or newer; this is ${process.versions.node}`);
  process.exitCode = 3;
} else {
  const { runCommandLine } = await import("./command-line.ts");
  process.exitCode = await runCommandLine(process.argv.slice(2));
}
