import type { Mode } from "./mode.ts";

/** Each mode is loaded when it is asked for, so that light modes do not pay for the parsers and servers of others. */
const modes: Readonly<Record<string, () => Promise<Mode>>> = {
  gateway: async () => (await import("./gateway/main.ts")).gateway,
};

const usageError = 64;

async function main(name: string | undefined): Promise<number> {
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
  return await mode({ env: process.env, signal: stop.signal });
}

process.exitCode = await main(process.argv[2]);
