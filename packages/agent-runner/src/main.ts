import { inspect } from "node:util";
import type { Mode } from "./mode.ts";

/** Each mode is loaded when it is asked for, so that light modes do not pay for the parsers and servers of others. */
const modes: Readonly<Record<string, () => Promise<Mode>>> = {
  gateway: async () => (await import("./gateway/main.ts")).gateway,
  prepare: async () => (await import("./prepare/prepare.ts")).prepare,
  run: async () => (await import("./run/run.ts")).run,
  verify: async () => (await import("./verify/verify.ts")).verify,
  deliver: async () => (await import("./deliver/deliver.ts")).deliver,
  report: async () => (await import("./report/report.ts")).report,
};

const usageError = 64;
const defect = 70;
const terminated = 143;

async function main([name, ...argv]: readonly string[]): Promise<number> {
  const load = name === undefined || !Object.hasOwn(modes, name) ? undefined : modes[name];
  if (load === undefined) {
    process.stderr.write(
      `agent-runner: unknown mode ${JSON.stringify(name ?? "")}; known are ${Object.keys(modes).join(", ")}\n`,
    );
    return usageError;
  }
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  process.once("SIGINT", () => stop.abort());
  const mode = await load();
  try {
    return await mode({ env: process.env, argv, signal: stop.signal });
  } catch (error) {
    process.stderr.write(`agent-runner ${name}: ${inspect(error)}\n`);
    return stop.signal.aborted ? terminated : defect;
  }
}

process.exitCode = await main(process.argv.slice(2));
