/** Runs every check of CI in order, goes on after a failure, and ends with one line that counts them all. */
import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";

interface Counts {
  passed: number;
  failed: number;
}

const checks: { name: string; command: string[] }[] = [
  { name: "format", command: ["biome", "ci", "."] },
  { name: "lint", command: ["oxlint", "--type-aware", "packages", "test", "scripts", "bench"] },
  { name: "dead code", command: ["knip"] },
  { name: "types", command: ["turbo", "run", "typecheck", "--output-logs=errors-only"] },
  { name: "types of tests", command: ["tsc", "--noEmit", "-p", "tsconfig.json"] },
  {
    name: "crds are current",
    command: ["node", "--conditions=@orchestrator/source", "packages/core/src/crd/main.ts", "--check"],
  },
  { name: "bundles", command: ["turbo", "run", "bundle", "--output-logs=errors-only"] },
];

const report = ".tools/vitest.json";

function run(command: string[]): Promise<boolean> {
  const [program = "", ...rest] = command;
  return new Promise((resolve) => {
    const child = spawn(program, rest, { stdio: "inherit" });
    child.on("error", (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(false);
    });
    child.on("close", (code) => resolve(code === 0));
  });
}

async function runChecks(): Promise<Counts> {
  const counts = { passed: 0, failed: 0 };
  for (const { name, command } of checks) {
    const ok = await run(command);
    process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name}\n`);
    counts[ok ? "passed" : "failed"] += 1;
  }
  return counts;
}

/** Vitest's own counts; a run that ends badly without a failed test (coverage, set-up) counts as one failure. */
async function runTests(): Promise<Counts> {
  const ok = await run([
    "vitest",
    "run",
    "--coverage",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  const result = await readFile(report, "utf8").then(
    (text) => JSON.parse(text) as { numPassedTests: number; numFailedTests: number },
    () => ({ numPassedTests: 0, numFailedTests: 1 }),
  );
  const failed = result.numFailedTests;
  return { passed: result.numPassedTests, failed: ok ? failed : Math.max(failed, 1) };
}

interface Summary {
  [file: string]: Record<"lines" | "branches", { total: number; covered: number }>;
}

/** Prints coverage by package from the files' counts. */
async function printCoverage(): Promise<void> {
  const summary = JSON.parse(await readFile("coverage/coverage-summary.json", "utf8")) as Summary;
  const packages = new Map<string, Record<"lines" | "branches", { total: number; covered: number }>>();
  for (const [file, counts] of Object.entries(summary)) {
    const name = /\/packages\/([^/]+)\//.exec(file)?.[1];
    if (name === undefined) continue;
    const sum = packages.get(name) ?? { lines: { total: 0, covered: 0 }, branches: { total: 0, covered: 0 } };
    for (const metric of ["lines", "branches"] as const) {
      sum[metric].total += counts[metric].total;
      sum[metric].covered += counts[metric].covered;
    }
    packages.set(name, sum);
  }
  const percent = ({ total, covered }: { total: number; covered: number }): string =>
    `${(total === 0 ? 100 : (100 * covered) / total).toFixed(1)} %`.padStart(8);
  process.stdout.write("coverage by package        lines  branches\n");
  for (const [name, { lines, branches }] of [...packages].toSorted(([a], [b]) => a.localeCompare(b))) {
    process.stdout.write(`  ${name.padEnd(26)}${percent(lines)}  ${percent(branches)}\n`);
  }
}

await mkdir(".tools", { recursive: true });
await rm(report, { force: true });
await rm("coverage/coverage-summary.json", { force: true });
const checked = await runChecks();
const tested = await runTests();
await printCoverage().catch((error: unknown) => process.stderr.write(`no coverage: ${String(error)}\n`));
const line = `${checked.passed + tested.passed} passed, ${checked.failed + tested.failed} failed`;
await writeFile(".tools/test-summary", `${line}\n`);
process.stdout.write(`${line}\n`);
process.exitCode = checked.failed + tested.failed === 0 ? 0 : 1;
