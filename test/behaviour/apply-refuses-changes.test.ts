import { docsGenerationRunSpec, taskImplementationRunSpec } from "@orchestrator/core";
import type { KubernetesClient, KubernetesObject } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminClient, kubectlOk } from "../support/cluster.ts";
import { kubectlFiles } from "../support/kubectl-files.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";

let client: KubernetesClient;
let namespace: TestNamespace;

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "changes");
});

afterAll(async () => {
  await namespace.delete();
  await client.close();
});

const repository = { url: "https://github.com/example/backlog" };
const shared = {
  workingDirectory: "a",
  tag: "next",
  modelSecretRef: { name: "model" },
  pendingTimeout: "1m",
  pod: { env: [{ name: "A", value: "b" }] },
  timeout: "5m",
};
const docs = {
  kind: "DocsGenerationRun",
  required: { repository },
  optional: {
    ...shared,
    targetTasks: [1, 2],
    model: "haiku",
    force: true,
    outputFormat: "MDX",
    parallelism: 2,
  },
  changed: {
    repository: { url: "https://github.com/example/other" },
    workingDirectory: "b",
    tag: "later",
    modelSecretRef: { name: "other" },
    pendingTimeout: "2m",
    pod: { env: [{ name: "A", value: "c" }] },
    timeout: "6m",
    targetTasks: [1, 3],
    model: "opus",
    force: false,
    outputFormat: "Markdown",
    parallelism: 3,
  },
};
const implementation = {
  kind: "TaskImplementationRun",
  required: { repository, taskId: 1, serviceName: "greeter", agentName: "ada" },
  optional: {
    ...shared,
    model: "haiku",
    markdownFiles: [{ filename: "a.md", content: "one", fileType: "context" }],
    agentTools: [{ name: "mcp__forge", config: { command: "forge", args: ["a"] } }],
  },
  changed: {
    ...docs.changed,
    taskId: 2,
    serviceName: "parser",
    agentName: "grace",
    markdownFiles: [{ filename: "a.md", content: "two", fileType: "context" }],
    agentTools: [{ name: "mcp__forge", config: { command: "forge", args: ["b"] } }],
  } as Record<string, unknown>,
};

interface Change {
  object: string;
  what: string;
  field: string;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
}

/** Each field given another value, taken away, and added where it was absent. */
function changesOf({ required, optional, changed }: typeof docs | typeof implementation): Change[] {
  const full: Record<string, unknown> = { ...required, ...optional };
  const others: Record<string, unknown> = changed;
  const changes = Object.keys(full).map((field) => ({
    what: `another ${field}`,
    field,
    before: full,
    after: { ...full, [field]: others[field] },
  }));
  for (const field of Object.keys(optional)) {
    const { [field]: _, ...without } = full;
    changes.push({ what: `losing ${field}`, field, before: full, after: without });
    changes.push({ what: `gaining ${field}`, field, before: without, after: full });
  }
  return changes.map((change) => ({ ...change, object: change.what.replace(" ", "-").toLowerCase() }));
}

describe.each([
  { ...docs, schema: docsGenerationRunSpec },
  { ...implementation, schema: taskImplementationRunSpec },
])("a $kind that exists", ({ kind, schema, ...fields }) => {
  const changes = changesOf(fields as typeof docs | typeof implementation);
  let created: Map<string, string>;
  let refusals: Map<string, string>;

  function objects(moment: "before" | "after", unchanged: object): KubernetesObject[] {
    const asked = [...changes, { object: "unchanged", before: unchanged, after: unchanged }];
    return asked.map((change) => ({
      apiVersion: "orchestrator.io/v1",
      kind,
      metadata: { name: change.object },
      spec: change[moment],
    }));
  }

  beforeAll(async () => {
    const args = ["apply", "--namespace", namespace.name];
    created = await kubectlFiles(args, objects("before", fields.required));
    refusals = await kubectlFiles(args, objects("after", fields.required));
  });

  it("is put to the test with every field of its spec", () => {
    expect(created).toEqual(new Map());
    // contextVersion has one legal value so far.
    const all = Object.keys(schema.shape).filter((field) => field !== "contextVersion");

    expect([...new Set(changes.map(({ field }) => field))].toSorted()).toEqual(all.toSorted());
  });

  it.each(changes)("refuses $what", ({ object, field }) => {
    const cure = `${field} of a run cannot be changed, added or removed: create a new run with the value that you want`;

    expect(refusals.get(object)).toContain(`spec.${field}: Forbidden: ${cure}`);
  });

  it("accepts to be applied again as it is, and other labels", async () => {
    expect(refusals.get("unchanged")).toBeUndefined();
    expect(await kubectlOk(["label", kind, "unchanged", "-n", namespace.name, "team=a"])).toContain("labeled");
  });
});
