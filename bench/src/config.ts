import { type PartName, partNames } from "./parts.ts";

/** What `make bench` is told. */
export interface BenchConfig {
  /** PART: one of them alone; absent: all, and then `docs/performance.md` is written. */
  part?: PartName | undefined;
  /** N: instead of every part's own sizes. */
  n?: number | undefined;
  /** ROUNDS: instead of every part's own. */
  rounds?: number | undefined;
}

/** @throws Error naming the variable; an empty one counts as absent. */
export function readConfig(env: Record<string, string | undefined>): BenchConfig {
  const part = env["PART"] || undefined;
  if (part !== undefined && !isPart(part)) throw new Error(`PART must be one of ${partNames.join(", ")}`);
  return { part, n: count(env, "N"), rounds: count(env, "ROUNDS") };
}

function isPart(name: string): name is PartName {
  return (partNames as readonly string[]).includes(name);
}

function count(env: Record<string, string | undefined>, name: string): number | undefined {
  const text = env[name] || undefined;
  if (text !== undefined && !/^[1-9]\d{0,5}$/.test(text)) throw new Error(`${name} must be a whole number from 1 on`);
  return text === undefined ? undefined : Number(text);
}

/** How the command reads that does the same again. */
export function commandOf({ part, n, rounds }: BenchConfig): string {
  const named = Object.entries({ PART: part, N: n, ROUNDS: rounds }).filter(([, value]) => value !== undefined);
  return ["make bench", ...named.map(([name, value]) => `${name}=${value}`)].join(" ");
}
