import { describe, expect, it } from "vitest";
import { docsGenerationRunSpec } from "../api/docs-generation-run.ts";
import { taskImplementationRunSpec } from "../api/task-implementation-run.ts";
import { changesInWords, transitionRules } from "./transition-rules.ts";

const docs = Object.keys(docsGenerationRunSpec.shape);
const implementation = Object.keys(taskImplementationRunSpec.shape);
const unchanged = (field: string): string =>
  `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`;

describe("transitionRules", () => {
  it("lets a field that it does not know never change", () => {
    expect(transitionRules(["a"])).toEqual([
      {
        rule: unchanged("a"),
        message: "a of a run cannot be changed, added or removed: create a new run with the value that you want",
        fieldPath: ".a",
        reason: "FieldValueForbidden",
      },
    ]);
  });

  it("lets the budget of a kind without rounds never change, of another with a new round", () => {
    expect(transitionRules(["budget"])).toEqual([expect.objectContaining({ rule: unchanged("budget") })]);
    expect(transitionRules(["budget", "contextVersion"])).toContainEqual(
      expect.objectContaining({ rule: `self.contextVersion > oldSelf.contextVersion || ${unchanged("budget")}` }),
    );
  });

  it.each([
    ["docs", docs],
    ["implementation", implementation],
  ])("leaves suspend and retention of %s free, and has a rule for every other field", (_, fields) => {
    const free = fields.filter((field) => !transitionRules(fields).some(({ fieldPath }) => fieldPath === `.${field}`));

    expect(free.toSorted()).toEqual(["retention", "suspend"]);
  });
});

describe("changesInWords", () => {
  it("tells which fields can be changed, and when", () => {
    expect(changesInWords(docs)).toBe(
      "Can be changed at any time: cancel, retention, suspend. For anything else, create a new run.",
    );
    expect(changesInWords(implementation)).toBe(
      "Can be changed at any time: cancel, retention, suspend; with a higher contextVersion, for a new round: budget, followUp, markdownFiles. For anything else, create a new run.",
    );
  });
});
