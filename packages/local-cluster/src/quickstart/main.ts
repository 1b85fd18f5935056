import { resolve } from "node:path";
import { runQuickstart } from "./quickstart.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () =>
    stop.abort(new Error(`stopped by ${name}; what was started goes on until \`make local-down\` removes it`)),
  );
}
try {
  process.exitCode = await runQuickstart({
    directory: resolve(".local"),
    workingDirectory: process.cwd(),
    env: process.env,
    output: process.stdout,
    suffix: Date.now().toString(36),
    signal: stop.signal,
  });
} catch (error) {
  const cause: unknown = stop.signal.aborted ? stop.signal.reason : error;
  process.stderr.write(`quickstart: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
}
