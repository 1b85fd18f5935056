import { beforeAll, describe, expect, it } from "vitest";
import { kubectl, kubectlOk } from "../support/cluster.ts";
import { waitFor } from "../support/wait.ts";

interface ExplainedField {
  name: string;
  type: string;
  sentence: string;
}

async function explain(path: string): Promise<ExplainedField[]> {
  const text = await kubectlOk(["explain", path]);
  const fields = text.split(/^FIELDS:\n/m)[1] ?? "";
  return [...fields.matchAll(/^ {2}(\S+)\t<([^>]+)>[^\n]*\n(?: {2}enum: [^\n]*\n)?((?: {4}[^\n]*\n|\n)*)/gm)].map(
    ([, name, type, below]) => ({
      name: name ?? "",
      type: type ?? "",
      sentence: (below ?? "").trim(),
    }),
  );
}

async function silentFields(path: string): Promise<{ walked: number; silent: string[] }> {
  const fields = await explain(path);
  const silent = fields.filter(({ sentence }) => !/\w.*[.:]/s.test(sentence)).map(({ name }) => `${path}.${name}`);
  let walked = fields.length;
  for (const { name, type } of fields.filter((field) => /Object|map\[string\]Object/.test(field.type))) {
    if (type === "ObjectMeta") continue;
    const below = await silentFields(`${path}.${name}`);
    walked += below.walked;
    silent.push(...below.silent);
  }
  return { walked, silent };
}

// The server publishes the schema of a new kind a little after it serves the kind.
beforeAll(async () => {
  for (const resource of ["dgr", "tir"]) {
    await waitFor(`kubectl explain ${resource}`, async () => {
      const { code, stderr } = await kubectl(["explain", resource]);
      return code === 0 ? { done: undefined } : { pending: stderr };
    });
  }
});

describe("kubectl explain", () => {
  it.each(["docsgenerationrun", "tir"])("has a sentence for every field of %s", async (resource) => {
    const { walked, silent } = await silentFields(resource);

    expect(silent).toEqual([]);
    expect(walked).toBeGreaterThan(80);
  });

  it("tells what a kind is for", async () => {
    expect(await kubectlOk(["explain", "dgr"])).toContain("Writes the documents that an implementer needs");
    expect(await kubectlOk(["explain", "tir"])).toContain("Implements one task");
  });
});
