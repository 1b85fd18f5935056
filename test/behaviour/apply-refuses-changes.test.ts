import { docsGenerationRunSpec, taskImplementationRunSpec } from "@orchestrator/core/pure";
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
const required = { repository, taskId: 1, serviceName: "greeter", agentName: "ada" };

interface Values {
  required: Record<string, unknown>;
  /** Fields that may be absent, with another value than their default. */
  optional: Record<string, unknown>;
  /** Another value for each field of both. */
  changed: Record<string, unknown>;
}

const docs: Values = {
  required: { repository },
  optional: {
    workingDirectory: "a",
    tag: "next",
    modelSecretRef: { name: "model" },
    suspend: true,
    pendingTimeout: "1m",
    stallTimeout: "2m",
    timeout: "5m",
    deadline: "12h",
    retryConfig: { maxAgentRetries: 5, backoff: { initial: "1m" } },
    budget: { maxTurns: 10 },
    retention: { succeeded: "1h" },
    pod: { env: [{ name: "A", value: "b" }] },
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
    suspend: false,
    pendingTimeout: "2m",
    stallTimeout: "3m",
    timeout: "6m",
    deadline: "13h",
    retryConfig: { maxAgentRetries: 5, backoff: { initial: "2m" } },
    budget: { maxTurns: 20 },
    retention: { succeeded: "1h", failed: "8760h" },
    pod: { env: [{ name: "A", value: "c" }] },
    targetTasks: [1, 3],
    model: "opus",
    force: false,
    outputFormat: "Markdown",
    parallelism: 3,
  },
};

const { targetTasks: _, force: __, outputFormat: ___, parallelism: ____, ...shared } = docs.optional;
const implementation: Values = {
  required,
  optional: {
    ...shared,
    workspace: { size: "1Gi" },
    followUp: "one",
    verify: ["true"],
    markdownFiles: [{ filename: "a.md", content: "one", fileType: "context" }],
    agentTools: [{ name: "mcp__forge", config: { command: "forge", args: ["a"] } }],
  },
  changed: {
    ...docs.changed,
    taskId: 2,
    serviceName: "parser",
    agentName: "grace",
    workspace: { size: "1Gi", storageClassName: "fast" },
    followUp: "two",
    verify: ["true", "true"],
    markdownFiles: [{ filename: "a.md", content: "two", fileType: "context" }],
    agentTools: [{ name: "mcp__forge", config: { command: "forge", args: ["b"] } }],
  },
};

interface Change {
  what: string;
  field: string;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
  /** Absent where the change is accepted. */
  refusal?: string;
}

/** Each field given another value, taken away, and added where it was absent. */
function changesOf(values: Values, common: Record<string, unknown>, refusalOf: (field: string) => string[]): Change[] {
  const full = { ...values.required, ...values.optional, ...common };
  return Object.keys({ ...values.required, ...values.optional }).flatMap((field) => {
    const { [field]: value, ...without } = full;
    const other = { ...without, [field]: values.changed[field] };
    const [cure] = refusalOf(field);
    const refusal = cure === undefined ? {} : { refusal: `spec.${field}: Forbidden: ${field} ${cure}` };
    const another = { what: `another ${field}`, field, before: full, after: other, ...refusal };
    if (field in values.required) return [another];
    return [
      another,
      { what: `losing ${field}`, field, before: full, after: without, ...refusal },
      { what: `gaining ${field}`, field, before: without, after: { ...without, [field]: value }, ...refusal },
    ];
  });
}

const never = "of a run cannot be changed, added or removed: create a new run with the value that you want";
const nextRound = "can only be changed, added or removed for a new round: raise contextVersion in the same edit";
const always = new Set(["suspend", "retention"]);
const byRound = new Set(["followUp", "markdownFiles", "budget"]);

const docsChanges: Change[] = [
  ...changesOf(docs, {}, (field) => (always.has(field) ? [] : [never])),
  steer(docs, "cancelling", {}, { cancel: true }),
  steer(docs, "taking cancel back", { cancel: true }, { cancel: false }, "cannot be taken back: create a new run"),
  steer(docs, "forgetting cancel", { cancel: true }, {}, "cannot be taken back: create a new run"),
];

const withinTheRound = "cannot be taken back within a round: raise contextVersion in the same edit";
const endsTheRound = "would end the new round at once: set cancel to false in the edit that raises contextVersion";
const implementationChanges: Change[] = [
  ...changesOf(implementation, { contextVersion: 2 }, (field) => {
    if (always.has(field)) return [];
    return [byRound.has(field) ? nextRound : never];
  }),
  ...changesOf(implementation, { contextVersion: 2 }, (field) =>
    always.has(field) || byRound.has(field) ? [] : [never],
  ).map((change) => ({
    ...change,
    what: `${change.what} for a new round`,
    after: { ...change.after, contextVersion: 3 },
  })),
  rounds("a first new round", {}, { contextVersion: 2 }),
  rounds("a new round with more to do", { contextVersion: 1 }, { contextVersion: 2, followUp: "more" }),
  rounds("a much higher contextVersion", { contextVersion: 2 }, { contextVersion: 40 }),
  rounds("a lower contextVersion", { contextVersion: 3 }, { contextVersion: 2 }, "may only rise"),
  rounds("no contextVersion", { contextVersion: 2 }, {}, "may only rise: raise it to start a new round"),
  steer(implementation, "cancelling", { cancel: false }, { cancel: true }),
  steer(implementation, "taking cancel back", { cancel: true }, { cancel: false }, withinTheRound),
  steer(
    implementation,
    "taking cancel back for a lower contextVersion",
    { contextVersion: 3, cancel: true },
    { contextVersion: 2, cancel: false },
    withinTheRound,
  ),
  steer(
    implementation,
    "taking cancel back for a new round",
    { contextVersion: 1, cancel: true },
    { contextVersion: 2, cancel: false },
  ),
  steer(
    implementation,
    "a new round that stays cancelled",
    { contextVersion: 1, cancel: true },
    { contextVersion: 2, cancel: true },
    endsTheRound,
  ),
  steer(
    implementation,
    "cancelling a new round",
    { contextVersion: 1 },
    { contextVersion: 2, cancel: true },
    endsTheRound,
  ),
  steer(implementation, "cancelling again", { cancel: true }, { cancel: true }),
];

function steer(values: Values, what: string, before: object, after: object, cure?: string): Change {
  return edit(values, "cancel", { what, before, after }, cure);
}

function rounds(what: string, before: object, after: object, cure?: string): Change {
  return edit(implementation, "contextVersion", { what, before, after }, cure);
}

function edit(
  values: Values,
  field: string,
  { what, before, after }: { what: string; before: object; after: object },
  cure: string | undefined,
): Change {
  return {
    what,
    field,
    before: { ...values.required, ...before },
    after: { ...values.required, ...after },
    ...(cure === undefined ? {} : { refusal: `spec.${field}: Forbidden: ${field} ${cure}` }),
  };
}

describe.each([
  { kind: "DocsGenerationRun", schema: docsGenerationRunSpec, changes: docsChanges, least: docs.required },
  { kind: "TaskImplementationRun", schema: taskImplementationRunSpec, changes: implementationChanges, least: required },
])("a $kind that exists", ({ kind, schema, changes, least }) => {
  const named = changes.map((change) => ({ ...change, object: change.what.replaceAll(" ", "-").toLowerCase() }));
  let created: Map<string, string>;
  let refusals: Map<string, string>;

  function objects(moment: "before" | "after"): KubernetesObject[] {
    const asked = [...named, { object: "unchanged", before: least, after: least }];
    return asked.map((change) => ({
      apiVersion: "orchestrator.io/v1",
      kind,
      metadata: { name: change.object },
      spec: change[moment],
    }));
  }

  beforeAll(async () => {
    const args = ["apply", "--namespace", namespace.name];
    created = await kubectlFiles(args, objects("before"));
    refusals = await kubectlFiles(args, objects("after"));
  });

  it("is put to the test with every field of its spec", () => {
    expect(created).toEqual(new Map());
    expect([...new Set(changes.map(({ field }) => field))].toSorted()).toEqual(Object.keys(schema.shape).toSorted());
  });

  it.each(named.filter(({ refusal }) => refusal !== undefined))("refuses $what: $refusal", ({ object, refusal }) => {
    expect(refusals.get(object)).toContain(refusal);
  });

  it.each(named.filter(({ refusal }) => refusal === undefined))("accepts $what", ({ object }) => {
    expect(refusals.get(object)).toBeUndefined();
  });

  it("accepts to be applied again as it is, and other labels", async () => {
    expect(refusals.get("unchanged")).toBeUndefined();
    expect(await kubectlOk(["label", kind, "unchanged", "-n", namespace.name, "team=a"])).toContain("labeled");
  });
});
