import { describe, expect, it } from "vitest";
import { docsGenerationRunSpec } from "./docs-generation-run.ts";
import { specCases } from "./fixtures/spec-cases.ts";
import { taskImplementationRunSpec } from "./task-implementation-run.ts";

const schemas = { DocsGenerationRun: docsGenerationRunSpec, TaskImplementationRun: taskImplementationRunSpec };

/** `test/behaviour/apply-refuses-bad-specs.test.ts` puts the same table before the API server. */
describe("the TypeScript side of the rules", () => {
  it.each(specCases.filter(({ refusal }) => refusal === undefined))("accepts $name", ({ kind, spec }) => {
    expect(schemas[kind].safeParse(spec).error?.issues).toBeUndefined();
  });

  it.each(specCases.filter(({ refusal }) => refusal !== undefined))("refuses $name", ({ kind, spec }) => {
    expect(schemas[kind].safeParse(spec).success).toBe(false);
  });

  it("has no two cases of one name", () => {
    expect(new Set(specCases.map(({ kind, name, spec }) => kind + name + JSON.stringify(spec))).size).toBe(
      specCases.length,
    );
  });
});
