const benches: Record<string, () => Promise<{ bench(options: readonly string[]): Promise<unknown> }>> = {
  memory: () => import("./memory.ts"),
  dashboard: () => import("./dashboard.ts"),
  orchestrator: () => import("./orchestrator.ts"),
  postgres: () => import("./postgres.ts"),
  rabbitmq: () => import("./rabbitmq.ts"),
  redis: () => import("./redis.ts"),
  sqlite: () => import("./sqlite.ts"),
};

const [name = "", ...options] = process.argv.slice(2);
const load = Object.hasOwn(benches, name) ? benches[name] : undefined;

if (load === undefined) {
  const asked = name === "" ? "Which benchmark?" : `There is no benchmark "${name}".`;
  process.stderr.write(`${asked} There are: ${Object.keys(benches).join(", ")}. Run: npm run bench -- <name>\n`);
  process.exitCode = 1;
} else {
  const { bench } = await load();
  await bench(options);
}
