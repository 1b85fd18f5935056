import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RunFailure, verdictOf } from "./run-failure.ts";
import { type Paths, pathsUnder } from "./paths.ts";
import { leaveVerdict, needStepFile, readInputs, readStepFile, StepFileError, stepFiles } from "./step-files.ts";
import { InvalidInputError } from "../tasks/invalid-input.ts";

let root: string;
let paths: Paths;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "step-files-"));
  paths = pathsUnder(root);
});
afterEach(() => rm(root, { recursive: true }));

describe("what steps leave for each other", () => {
  it("keeps the first verdict", async () => {
    await leaveVerdict(paths, { reason: "NoResult", message: "first" });
    await leaveVerdict(paths, { reason: "AgentError", message: "second" });
    await expect(readStepFile(paths, stepFiles.verdict)).resolves.toEqual({ reason: "NoResult", message: "first" });
  });

  it("may be missing, unless it is needed", async () => {
    await expect(readStepFile(paths, stepFiles.plan)).resolves.toBeUndefined();
    await expect(needStepFile(paths, stepFiles.plan)).rejects.toMatchObject({ path: join(paths.steps, "plan.json") });
    await expect(readInputs(paths)).rejects.toBeInstanceOf(StepFileError);
  });

  it("is not believed when it is damaged", async () => {
    await leaveVerdict(paths, { reason: "NoResult", message: "" });
    await writeFile(join(paths.steps, "verdict.json"), '{"reason": "Fine"}');
    await expect(readStepFile(paths, stepFiles.verdict)).rejects.toBeInstanceOf(StepFileError);
    await writeFile(join(paths.steps, "verdict.json"), "{");
    await expect(readStepFile(paths, stepFiles.verdict)).rejects.toBeInstanceOf(StepFileError);
  });
});

describe("the verdict of an error", () => {
  it("is its own, or InvalidInput, or none", () => {
    const verdict = { reason: "NoResult", message: "m" } as const;
    expect(verdictOf(RunFailure.of(verdict))).toEqual(verdict);
    expect(verdictOf(new InvalidInputError("Mend it."))).toEqual({ reason: "InvalidInput", message: "Mend it." });
    expect(verdictOf(new Error("defect"))).toBeUndefined();
  });
});
