import { expect, it } from "vitest";
import { type DeliveryAnswer, leaveVerdict, stepFiles, writeStepFile } from "../steps/step-files.ts";
import { docsInputs, startStepLab } from "../steps/step-lab.ts";
import { report } from "./report.ts";

const rejected: DeliveryAnswer = { verdict: { reason: "PushRejected", message: "m" } };
const cases: [string, DeliveryAnswer | undefined, number][] = [
  ["everything was delivered", { delivery: { outcome: "Delivered" } }, 0],
  ["everything is up to date", { delivery: { outcome: "UpToDate" } }, 0],
  ["documents are missing", { delivery: { outcome: "IncompleteDocs" } }, 1],
  ["nothing was delivered", { delivery: { outcome: "NothingDelivered" } }, 1],
  ["the gateway refused", rejected, 1],
  ["nothing was asked for", undefined, 1],
];

it.each(cases)("the container ends as its work did: %s", async (_name, answer, exitCode) => {
  await using lab = await startStepLab({ inputs: docsInputs(), files: {} });
  if (answer !== undefined) await writeStepFile(lab.paths, stepFiles.delivery, answer);
  expect(await report(lab.options())).toBe(exitCode);
  await expect(lab.agentMessage()).resolves.toEqual({ version: 1 });
});

it("tells the verdict that a step has left", async () => {
  await using lab = await startStepLab({ inputs: docsInputs(), files: {} });
  await leaveVerdict(lab.paths, { reason: "AgentMissing", message: "m" });
  await report(lab.options());
  await expect(lab.agentMessage()).resolves.toEqual({ version: 1, verdict: { reason: "AgentMissing", message: "m" } });
});
