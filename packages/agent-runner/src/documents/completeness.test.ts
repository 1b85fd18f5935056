import { describe, expect, it } from "vitest";
import { completeness, describeProblems, isCurrent } from "./completeness.ts";
import { documentPaths, possibleDocumentPaths } from "./document-paths.ts";
import { formatSource, readSource } from "./source.ts";

const folder = "services/a/.taskmaster/docs/task-3";
const complete: Record<string, string> = {
  [`${folder}/task.md`]: "# T\n",
  [`${folder}/prompt.md`]: "# P\n",
  [`${folder}/acceptance-criteria.md`]: "# A\n",
  [`${folder}/source.json`]: formatSource({ hash: "sha256:1", format: "Markdown", run: "u" }),
};
const options = (files: Record<string, string>, format: "Markdown" | "MDX" = "Markdown") => ({
  workingDirectory: "services/a",
  format,
  readFile: (path: string) => Promise.resolve(files[path]),
});

describe("the documents of a task", () => {
  it("lie in a folder of the task", () => {
    expect(documentPaths({ workingDirectory: ".", taskId: 7, format: "AsciiDoc" })).toEqual({
      folder: ".taskmaster/docs/task-7",
      documents: {
        task: ".taskmaster/docs/task-7/task.adoc",
        prompt: ".taskmaster/docs/task-7/prompt.adoc",
        acceptanceCriteria: ".taskmaster/docs/task-7/acceptance-criteria.adoc",
      },
      source: ".taskmaster/docs/task-7/source.json",
    });
    expect(possibleDocumentPaths({ workingDirectory: ".", taskId: 7 })).toHaveLength(10);
  });

  it("are complete when all three parse", async () => {
    await expect(completeness(3, options(complete))).resolves.toEqual([]);
  });

  it("are not complete when one is missing and one does not parse, and each is named", async () => {
    const files: Record<string, string> = { ...complete, [`${folder}/prompt.md`]: "no heading" };
    delete files[`${folder}/task.md`];
    const problems = await completeness(3, options(files));
    expect(describeProblems(problems)).toBe(`${folder}/task.md: it is missing; ${folder}/prompt.md: it has no heading`);
  });

  it("are current when they are complete and were written for this text in this format", async () => {
    await expect(isCurrent({ id: 3, hash: "sha256:1" }, options(complete))).resolves.toBe(true);
  });

  it.each([
    ["the task has changed", complete, "sha256:2", "Markdown"],
    ["another format is asked for", complete, "sha256:1", "MDX"],
    ["a document is missing", { ...complete, [`${folder}/prompt.md`]: "" }, "sha256:1", "Markdown"],
    ["their source is unknown", { ...complete, [`${folder}/source.json`]: "{" }, "sha256:1", "Markdown"],
    ["their source is absent", {}, "sha256:1", "Markdown"],
  ] as const)("are not current when %s", async (_name, files, hash, format) => {
    await expect(isCurrent({ id: 3, hash }, options(files, format))).resolves.toBe(false);
  });

  it.each(["{", "[]", '{"hash": 1}', '{"hash": "x", "format": "Word", "run": "u"}'])(
    "have no known source in %s",
    (text) => {
      expect(readSource(text)).toBeUndefined();
    },
  );
});
