/** Runs the tests of a real cluster, and prints what passed, with times, and how many there were. */
import { spawn } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    name: string;
    assertionResults: { title: string; status: string; duration?: number | null }[];
  }[];
}

const file = ".tools/test-cluster.json";
/** What the tests have measured, as lines for people. */
const times = ".tools/test-cluster-times";

function runTests(): Promise<boolean> {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const args = ["run", "--config", "vitest.cluster.config.ts", ...reporters, ...process.argv.slice(2)];
  return new Promise((resolve, reject) => {
    const child = spawn("vitest", args, { stdio: "inherit" });
    child.once("error", reject);
    child.once("close", (code) => resolve(code === 0));
  });
}

function printTable({ testResults }: Report): void {
  for (const { name, assertionResults } of testResults) {
    process.stdout.write(`${name.replace(/^.*\/test\/cluster\/|\.test\.ts$/g, "").replaceAll("-", " ")}\n`);
    for (const { title, status, duration } of assertionResults) {
      const seconds = ((duration ?? 0) / 1000).toFixed(1).padStart(7);
      process.stdout.write(`  ${status.padEnd(8)}${seconds} s  ${title}\n`);
    }
  }
}

await mkdir(".tools", { recursive: true });
for (const path of [file, times]) await rm(path, { force: true });
const ok = await runTests();
const report = await readFile(file, "utf8").then(
  (text) => JSON.parse(text) as Report,
  () => ({ numPassedTests: 0, numFailedTests: 1, testResults: [] }),
);
printTable(report);
process.stdout.write(await readFile(times, "utf8").catch(() => ""));
const failed = ok ? report.numFailedTests : Math.max(report.numFailedTests, 1);
process.stdout.write(`${report.numPassedTests} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
