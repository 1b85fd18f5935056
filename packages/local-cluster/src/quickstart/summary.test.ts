import { expect, it } from "vitest";
import { closingWords } from "./summary.ts";

it("tells phase, cost and pull request of each run, and the reason and message of one that failed", () => {
  const words = closingWords({
    directory: `${process.cwd()}/.local`,
    namespace: "default",
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
  });
  for (const part of [
    "Succeeded (Delivered)",
    "$0.75",
    "https://forge/pull/1",
    "Failed (BranchNotFound)",
    "no branch main",
  ]) {
    expect(words).toContain(part);
  }
  expect(words).toContain("kubectl describe docsgenerationrun docs -n default");
  expect(words).toContain("$PWD/.local/kubeconfig");
});
