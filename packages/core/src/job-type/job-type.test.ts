import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SerializationError } from "../errors/serialization-error.ts";
import { determineJobType } from "./determine-job-type.ts";
import { cleanupPeriodDays, defaultModel, isDocsGeneration, type JobType, readJobType } from "./job-type.ts";

const taskId = fc.integer({ min: 1, max: 2 ** 31 - 1 });
// zod leaves `__proto__` out of every record.
const fieldName = fc.string().filter((name) => name !== "__proto__");
const jobTypes: fc.Arbitrary<JobType> = fc.oneof(
  fc.record({
    type: fc.constant("docs_generation" as const),
    config: fc.record(
      { targetTasks: fc.array(taskId), forceOverwrite: fc.boolean() },
      { requiredKeys: ["forceOverwrite"] },
    ),
  }),
  fc.record({
    type: fc.constant("task_implementation" as const),
    config: fc.record(
      { taskId, retryConfig: fc.dictionary(fieldName, fc.jsonValue(), { noNullPrototype: true }) },
      { requiredKeys: ["taskId"] },
    ),
  }),
);

function snakeKeys(object: object): object {
  const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [snake(key), value as unknown]));
}

describe("JobType", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(jobTypes, (job) => {
        expect(readJobType(JSON.parse(JSON.stringify(job)))).toEqual(JSON.parse(JSON.stringify(job)));
      }),
    );
  });

  it("is read from snake_case and written in camelCase", () => {
    fc.assert(
      fc.property(jobTypes, (job) => {
        expect(readJobType({ type: job.type, config: snakeKeys(job.config) })).toEqual(job);
      }),
    );
  });

  it("lets camelCase win where a field is there in both spellings", () => {
    const config = { taskId: 1, task_id: 2 };

    expect(readJobType({ type: "task_implementation", config })).toEqual({
      type: "task_implementation",
      config: { taskId: 1 },
    });
  });

  it("asks for documents of every open task where docs has no config", () => {
    expect(readJobType({ type: "docs_generation" })).toEqual({
      type: "docs_generation",
      config: { forceOverwrite: false },
    });
  });

  it.each([
    undefined,
    "docs_generation",
    [],
    { type: "review" },
    { type: "task_implementation", config: { taskId: 0 } },
  ])("refuses %j", (value) => {
    expect(() => readJobType(value)).toThrow(SerializationError);
  });

  it.each([
    { type: "docs_generation" as const, docs: true, days: 3, model: "opus" },
    { type: "task_implementation" as const, docs: false, days: 7, model: "sonnet" },
  ])("$type: documents $docs, transcripts kept $days days, model $model", ({ docs, days, model, ...job }) => {
    expect(isDocsGeneration(job)).toBe(docs);
    expect(cleanupPeriodDays(job)).toBe(days);
    expect(defaultModel(job)).toBe(model);
  });
});

describe("determineJobType", () => {
  it("reads the two kinds", () => {
    expect(determineJobType({ kind: "DocsGenerationRun", spec: { force: true } })).toEqual({
      type: "docs_generation",
      config: { forceOverwrite: true },
    });
    expect(determineJobType({ kind: "DocsGenerationRun", spec: { force: false, targetTasks: [2] } })).toEqual({
      type: "docs_generation",
      config: { forceOverwrite: false, targetTasks: [2] },
    });
    expect(determineJobType({ kind: "TaskImplementationRun", spec: { taskId: 4 } })).toEqual({
      type: "task_implementation",
      config: { taskId: 4 },
    });
  });

  it.each([
    [
      "the magic id",
      { taskId: 999_999, targetTasks: [1] },
      { type: "docs_generation", config: { targetTasks: [1], forceOverwrite: false } },
    ],
    [
      "any other id",
      { task_id: 9, retry_config: { a: 1 } },
      { type: "task_implementation", config: { taskId: 9, retryConfig: { a: 1 } } },
    ],
    [
      "jobType before the id",
      { taskId: 999_999, jobType: { type: "task_implementation", config: { task_id: 3 } } },
      { type: "task_implementation", config: { taskId: 3 } },
    ],
    [
      "jobType as a word",
      { taskId: 5, job_type: "docs_generation", force_overwrite: true },
      { type: "docs_generation", config: { forceOverwrite: true } },
    ],
  ])("tells a TaskRun by %s", (_, spec, expected) => {
    expect(determineJobType({ kind: "TaskRun", spec })).toEqual(expected);
  });
});
