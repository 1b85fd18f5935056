import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { KubernetesClient, KubernetesObject } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { adminClient, kubectl, kubectlOk } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { docsRun, implementationRun } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));

let client: KubernetesClient;
let namespace: TestNamespace;
beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "limits");
});
afterAll(async () => {
  await namespace.delete();
  await client.close();
});

const apply = (object: KubernetesObject, ...args: string[]): ReturnType<typeof kubectl> =>
  kubectl(["apply", ...args, "-f", "-"], { input: JSON.stringify(object) });

interface PolicyObject extends KubernetesObject {
  spec?: Record<string, unknown>;
}

/** The sample's objects, for the test's namespace alone: other tests share the cluster. */
async function samplePolicy(): Promise<PolicyObject[]> {
  const here = namespace.name;
  const text = await readFile(`${deploy}samples/policy/limit-runs.yaml`, "utf8");
  return parseAllDocuments(text.replaceAll("orchestrator-run-limits", here).replaceAll("orchestrator-system", here))
    .map((document) => document.toJS() as PolicyObject)
    .map((object) => {
      if (object.kind !== "ValidatingAdmissionPolicyBinding") return object;
      const matchResources = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": here } } };
      return { ...object, spec: { ...object.spec, matchResources } };
    });
}

const allowed = {
  model: "sonnet",
  budget: { maxCostUsd: "20" },
  repository: { url: "https://github.com/example/backlog" },
  pod: { image: "registry.example/agents/java:21" },
};

test("the sample policy holds runs to an organisation's models, repositories, images and cost", async () => {
  const objects = await samplePolicy();
  try {
    for (const object of objects) expect(await apply(object)).toMatchObject({ code: 0 });
    const dryRun = (spec: object): ReturnType<typeof kubectl> =>
      apply(implementationRun(namespace.name, "limited", { ...allowed, ...spec }), "--dry-run=server");
    await waitFor("the policy to be in force", async () => {
      const { code, stderr } = await dryRun({ model: "other" });
      return code === 0 ? { pending: "accepted" } : { done: stderr };
    });
    const refusals = {
      "spec.model: other is not among the models allowed here: opus,sonnet,haiku": { model: "other" },
      "allowed here are repositories below https://github.com/example/": {
        repository: { url: "https://github.com/others/backlog" },
      },
      "allowed here are images below registry.example/agents/": { pod: { image: "registry.example/other" } },
      "spec.budget.maxCostUsd: has to be given here, and to be 20 at most": { budget: { maxCostUsd: "20.01" } },
      "has to be given here": { budget: { maxTurns: 3 } },
    };
    for (const [message, spec] of Object.entries(refusals)) expect((await dryRun(spec)).stderr).toContain(message);
    expect(await dryRun({})).toMatchObject({ code: 0, stderr: "" });
    expect(await dryRun({ model: "other", cancel: true })).toMatchObject({ code: 0, stderr: "" });
    expect((await apply(docsRun(namespace.name, "docs", { ...allowed, model: "other" }))).stderr).toContain(
      "spec.model",
    );
  } finally {
    await Promise.all(
      objects.map(({ kind, metadata }) => kubectlOk(["delete", kind, metadata.name, "-n", namespace.name])),
    );
  }
});

test("who has a built-in role in a namespace has it over the runs there", async () => {
  const roles = await kubectlOk(["kustomize", `${deploy}overlays/default`]);
  const people = parseAllDocuments(roles)
    .map((document) => document.toJS() as KubernetesObject)
    .filter(({ kind, metadata }) => kind === "ClusterRole" && /-(admin|editor|viewer)$/.test(metadata.name));
  expect(people).toHaveLength(6);
  for (const role of people) expect(await apply(role)).toMatchObject({ code: 0 });
  const may = async (role: string, verb: string, plural: string): Promise<string> => {
    const user = `${role}@example.com`;
    const args = ["create", "rolebinding", role, `--clusterrole=${role}`, `--user=${user}`, "-n", namespace.name];
    await kubectl(args);
    const { stdout } = await kubectl(["auth", "can-i", verb, plural, "-n", namespace.name, `--as=${user}`]);
    return stdout.trim();
  };
  for (const plural of ["docsgenerationruns.orchestrator.io", "taskimplementationruns.orchestrator.io"]) {
    await waitFor(`the roles to be aggregated for ${plural}`, async () =>
      (await may("admin", "deletecollection", plural)) === "yes" && (await may("view", "watch", plural)) === "yes"
        ? { done: true }
        : { pending: "not yet" },
    );
    expect(await may("edit", "create", plural)).toBe("yes");
    expect(await may("edit", "deletecollection", plural)).toBe("no");
    expect(await may("view", "create", plural)).toBe("no");
  }
});
