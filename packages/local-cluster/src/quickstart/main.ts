import { resolve } from "node:path";
import { runQuickstart } from "./quickstart.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => stop.abort(new Error(`stopped by ${name}; \`make local-down\` removes what was started`)));
}
try {
  process.exitCode = await runQuickstart({
    directory: resolve(".local"),
    env: process.env,
    output: process.stdout,
    suffix: Date.now().toString(36),
    signal: stop.signal,
  });
} catch (error) {
  process.stderr.write(`quickstart: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
