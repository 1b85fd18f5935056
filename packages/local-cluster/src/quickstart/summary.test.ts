import { expect, it } from "vitest";
import { closingWords } from "./summary.ts";

const options = {
  workingDirectory: "/home/me/orchestrator",
  directory: "/home/me/orchestrator/.local",
  caFile: "/home/me/orchestrator/.local/pki/ca.crt",
  namespace: "default",
  rehearsed: false,
  views: [
    {
      kind: "DocsGenerationRun",
      name: "docs",
      phase: "Succeeded",
      reason: "Delivered",
      costUsd: "0.75",
      pullRequest: "https://forge/pull/1",
    },
    {
      kind: "TaskImplementationRun",
      name: "task",
      phase: "Failed",
      reason: "BranchNotFound",
      message: "no branch main",
    },
  ],
};

it("tells phase, cost and pull request of each run, and the reason and message of one that failed", () => {
  const words = closingWords(options);
  for (const part of [
    "Succeeded (Delivered)",
    "$0.75\n",
    "https://forge/pull/1",
    "Failed (BranchNotFound)",
    "no branch main",
  ]) {
    expect(words).toContain(part);
  }
  expect(words).toContain("kubectl describe docsgenerationrun docs -n default");
  expect(words).toContain("$PWD/.local/kubeconfig");
});

it("shows how to read each pull request, which the local forge serves under its own certificate", () => {
  const lines = closingWords(options).split("\n");
  expect(lines.filter((line) => line.includes("curl"))).toEqual([
    "  curl --cacert .local/pki/ca.crt https://forge/pull/1",
  ]);
});

it("says of a rehearsal's cost that nothing was spent, and claims none where there was none", () => {
  const lines = closingWords({ ...options, rehearsed: true }).split("\n");
  expect(lines.filter((line) => line.includes("cost")).map((line) => line.trim())).toEqual([
    "cost          $0.75 (rehearsed: nothing was spent)",
    "cost          none",
  ]);
});
