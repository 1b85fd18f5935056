/**
 * Goes through the whole matrix of faults, lets many runs live among random ones, and plays what property tests draw. Ends by
 * itself.
 * SEED: what is drawn by chance (default: a new one, which is printed). SOAK_RUNS: how many runs (default 10,000).
 * LIFE: one life of the matrix alone, such as docs/Delivered.
 */
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";

const { SEED = String(randomInt(2 ** 31)), SOAK_RUNS = "10000", LIFE } = process.env;
const part = LIFE === undefined ? `SOAK_RUNS=${SOAK_RUNS}` : `LIFE=${LIFE}`;
process.stdout.write(`make soak SEED=${SEED} ${part}\n`);

const files = LIFE === undefined ? ["test/soak", ".property.test.ts"] : ["test/soak/every-write.test.ts"];
const child = spawn("vitest", ["run", "--project=soak", "--project=unit", "--no-file-parallelism", ...files], {
  stdio: "inherit",
  env: { ...process.env, SEED, SOAK_RUNS },
});
child.on("close", (code) => {
  process.exitCode = code ?? 1;
});
