import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { specCases } from "../../packages/core/src/api/fixtures/spec-cases.ts";
import { adminClient } from "../support/cluster.ts";
import { kubectlFiles } from "../support/kubectl-files.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";

let client: KubernetesClient;
let namespace: TestNamespace;
let refusals: Map<string, string>;

const cases = specCases.map((specCase, index) => ({ ...specCase, object: `case-${index}` }));

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "bad-specs");
  const objects = cases.map(({ kind, object, spec }) => ({
    apiVersion: "orchestrator.io/v1",
    kind,
    metadata: { name: object },
    spec,
  }));
  refusals = await kubectlFiles(["create", "--dry-run=server", "--namespace", namespace.name], objects);
});

afterAll(async () => {
  await namespace.delete();
  await client.close();
});

/** Older API servers name the type of a refused value, or nothing, where newer ones quote it. */
function withoutValue(text = ""): string {
  return text.replaceAll(/Invalid value: (?:"[^"]*": )?/g, "Invalid value: ");
}

describe("the API server's side of the rules", () => {
  it.each(cases.filter(({ refusal }) => refusal === undefined))("accepts $name", ({ object }) => {
    expect(refusals.get(object)).toBeUndefined();
  });

  it.each(cases.filter(({ refusal }) => refusal !== undefined))("refuses $name: $refusal", ({ object, refusal }) => {
    expect(withoutValue(refusals.get(object))).toContain(withoutValue(refusal));
  });

  it("never repeats a password that stood in a URL", () => {
    const withPasswords = cases.filter(({ spec }) => JSON.stringify(spec).includes(":placeholder@"));

    expect(withPasswords.length).toBeGreaterThan(0);
    for (const { object } of withPasswords) expect(refusals.get(object)).not.toContain("placeholder");
  });
});
