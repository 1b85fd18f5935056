/** Runs every check of CI in order, goes on after a failure, and ends with what failed and one line that counts them all. */
import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { relative } from "node:path";

interface Counts {
  passed: number;
  /** What failed, each with its first lines. */
  failures: string[];
}

/** The part of vitest's JSON report that is told again at the end. */
interface VitestReport {
  numPassedTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
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
  const counts: Counts = { passed: 0, failures: [] };
  for (const { name, command } of checks) {
    const ok = await run(command);
    process.stdout.write(`${ok ? "ok    " : "FAILED"} ${name}\n`);
    if (ok) counts.passed += 1;
    else counts.failures.push(name);
  }
  return counts;
}

/** Vitest's own counts; a run that ends badly without a failed test (in a set-up) counts as one failure. */
async function runTests(): Promise<Counts> {
  const ok = await run([
    "vitest",
    "run",
    "--project=unit",
    "--project=behaviour",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  const result = await readFile(report, "utf8").then(
    (text) => JSON.parse(text) as VitestReport,
    () => undefined,
  );
  const failures = result?.testResults.flatMap(failuresOf) ?? [];
  if (!ok && failures.length === 0) failures.push("vitest ended badly; see above");
  return { passed: result?.numPassedTests ?? 0, failures };
}

function failuresOf({ name, status, message, assertionResults }: VitestReport["testResults"][number]): string[] {
  const file = relative(process.cwd(), name);
  const failed = assertionResults.filter((test) => test.status === "failed");
  if (failed.length === 0) return status === "failed" ? [`${file}: ${beginning(message)}`] : [];
  return failed.map(
    ({ fullName, failureMessages }) => `${file}: ${fullName}: ${beginning(failureMessages.join("\n"))}`,
  );
}

function beginning(text: string): string {
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

await mkdir(".tools", { recursive: true });
await rm(report, { force: true });
const checked = await runChecks();
const tested = await runTests();
const failures = [...checked.failures, ...tested.failures];
for (const failure of failures) process.stdout.write(`FAILED ${failure}\n`);
const line = `${checked.passed + tested.passed} passed, ${failures.length} failed`;
await writeFile(".tools/test-summary", `${line}\n`);
process.stdout.write(`${line}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;
