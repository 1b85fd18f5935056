import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { bringDown } from "./cluster/down.ts";
import { clusterStatus, renderStatus } from "./cluster/status.ts";
import { bringUp } from "./cluster/up.ts";

const USAGE = "usage: local-cluster up|down|status [--directory .local]";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () =>
    stop.abort(new Error(`stopped by ${name}; what was started goes on until \`make local-down\` removes it`)),
  );
}
try {
  process.exitCode = await main(process.argv.slice(2), stop.signal);
} catch (error) {
  const cause: unknown = stop.signal.aborted ? stop.signal.reason : error;
  process.stderr.write(`local-cluster: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
}

async function main(args: string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { directory: { type: "string", default: ".local" } },
  });
  const directory = resolve(values.directory);
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  switch (positionals.join(" ")) {
    case "up": {
      const { kubeconfig } = await bringUp({ directory, env: process.env, signal, log });
      log(`the local cluster runs: export KUBECONFIG=${kubeconfig} PATH=${directory}/bin:$PATH`);
      return 0;
    }
    case "down":
      await bringDown({ directory, env: process.env, signal, log });
      return 0;
    case "status":
      return printStatus(directory, signal);
    default:
      process.stderr.write(`${USAGE}\n`);
      return 64;
  }
}

async function printStatus(directory: string, signal: AbortSignal): Promise<number> {
  const rows = await clusterStatus(directory, signal);
  if (rows === undefined) {
    process.stdout.write(`there is no local cluster in ${directory}\n`);
    return 1;
  }
  process.stdout.write(`${renderStatus(rows)}\n`);
  return rows.every(({ healthy }) => healthy) ? 0 : 1;
}
