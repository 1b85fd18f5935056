import { fileURLToPath } from "node:url";
import type { KubernetesClient, KubernetesObject } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { adminClient, kubectlOk } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";

interface Manifest extends KubernetesObject {
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  data?: Record<string, string>;
  subjects?: { name: string; namespace: string }[];
  spec?: { template?: { spec: { containers: { env: { name: string }[] }[] } }; replicas?: number };
}

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));

async function render(folder: string): Promise<Manifest[]> {
  const text = await kubectlOk(["kustomize", `${deploy}${folder}`]);
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function names(manifests: Manifest[], kind: string): string[] {
  return manifests.filter((manifest) => manifest.kind === kind).map(({ metadata }) => metadata.name);
}

function verbsOn(rules: NonNullable<Manifest["rules"]>, resource: string): string[] {
  return rules.filter(({ resources }) => resources.includes(resource)).flatMap(({ verbs }) => verbs);
}

function variables(deployment: Manifest | undefined): string[] {
  return (deployment?.spec?.template?.spec.containers ?? []).flatMap(({ env }) => env.map(({ name }) => name));
}

/** Rather than a role for people. */
function isOperators({ metadata }: Manifest): boolean {
  return !/-(admin|editor|viewer)$/.test(metadata.name);
}

const operators = [
  { operator: "docs-generation-operator", plural: "docsgenerationruns" },
  { operator: "task-implementation-operator", plural: "taskimplementationruns" },
];

describe.each(operators)("the base of $operator", ({ operator, plural }) => {
  it("brings its own CustomResourceDefinition and Deployment and no other", async () => {
    const manifests = await render(`base/${operator}`);

    expect(names(manifests, "CustomResourceDefinition")).toEqual([`${plural}.orchestrator.io`]);
    expect(names(manifests, "Deployment")).toEqual([operator]);
    expect(names(manifests, "ServiceAccount")).toEqual([operator]);
  });

  it("has rights to its own runs alone, and to no Secret", async () => {
    const manifests = await render(`base/${operator}`);
    const rules = manifests.filter(isOperators).flatMap((manifest) => manifest.rules ?? []);
    const own = rules.filter(({ apiGroups }) => apiGroups.includes("orchestrator.io"));

    expect(own.flatMap(({ resources }) => resources)).toEqual([plural, `${plural}/status`]);
    expect(verbsOn(rules, plural)).toEqual(["get", "list", "watch", "delete"]);
    expect(verbsOn(rules, "networkpolicies")).toEqual(["get", "list", "watch", "create", "patch"]);
    expect(verbsOn(rules, "pods")).toEqual(["get", "list", "watch", "patch"]);
    expect(rules.flatMap(({ resources }) => resources)).not.toContain("secrets");
    expect(JSON.stringify(rules)).not.toContain('"*"');
    for (const { subjects } of manifests.filter((manifest) => manifest.subjects !== undefined)) {
      expect(subjects).toEqual([{ kind: "ServiceAccount", name: operator, namespace: "orchestrator-system" }]);
    }
  });
});

describe("the overlays", () => {
  it("default installs both operators, side by side", async () => {
    const manifests = await render("overlays/default");

    expect(names(manifests, "Deployment")).toEqual(operators.map(({ operator }) => operator));
    expect(names(manifests, "CustomResourceDefinition")).toHaveLength(2);
    expect(names(manifests, "Namespace")).toEqual(["orchestrator-system"]);
    expect(names(manifests, "PodDisruptionBudget")).toEqual(operators.map(({ operator }) => operator));
    // Each operator's own, and three for the people who use its runs.
    expect(new Set(names(manifests, "ClusterRole")).size).toBe(8);
  });

  it("namespaced gives no right outside the operators' namespace", async () => {
    const manifests = await render("overlays/namespaced");

    // What is left gives people rights to runs, and is bound to no operator.
    expect(names(manifests, "ClusterRole").filter((name) => name.endsWith("-operator"))).toEqual([]);
    expect(names(manifests, "ClusterRoleBinding")).toEqual([]);
    expect(names(manifests, "Role")).toHaveLength(4);
    const clusterWide = new Set(["CustomResourceDefinition", "Namespace", "ClusterRole"]);
    const outside = manifests.filter(
      ({ kind, metadata }) => !clusterWide.has(kind) && metadata.namespace !== "orchestrator-system",
    );
    expect(outside).toEqual([]);
    const deployments = manifests.filter(({ kind }) => kind === "Deployment");
    const base = (await render("overlays/default")).filter(({ kind }) => kind === "Deployment");
    for (const [index, deployment] of deployments.entries()) {
      expect(variables(deployment)).toEqual([...variables(base[index]), "WATCH_NAMESPACES"]);
    }
  });

  it("local gives every operator one replica and ports that no other uses", async () => {
    const manifests = await render("overlays/local");
    const settings = manifests.filter(({ kind }) => kind === "ConfigMap").map(({ data }) => data ?? {});
    const ports = settings.flatMap((data) => [data["METRICS_PORT"], data["HEALTH_PORT"]]);
    const deployments = manifests.filter(({ kind }) => kind === "Deployment");
    const containerPorts = deployments.flatMap(({ spec }) =>
      [...JSON.stringify(spec).matchAll(/"containerPort":(\d+)/g)].map(([, port]) => port),
    );

    expect(deployments.map(({ spec }) => spec?.replicas)).toEqual([1, 1]);
    expect(new Set(ports).size).toBe(4);
    expect(containerPorts).toEqual(ports);
  });
});

describe("the API server", () => {
  let client: KubernetesClient;
  let namespace: TestNamespace;

  beforeAll(async () => {
    client = await adminClient();
    namespace = await createNamespace(client, "install");
    const restricted = "pod-security.kubernetes.io/enforce=restricted";
    await kubectlOk(["label", "namespace", namespace.name, restricted]);
  });

  afterAll(async () => {
    await namespace.delete();
    await client.close();
  });

  it.each(["overlays/default", "overlays/namespaced", "overlays/local", "rehearsal"])(
    "admits the pods of %s as restricted",
    async (folder) => {
      const deployments = (await render(folder)).filter(({ kind }) => kind === "Deployment");
      for (const { metadata, spec } of deployments) {
        const pod = {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: metadata.name, namespace: namespace.name },
          spec: { ...spec?.template?.spec, serviceAccountName: "default" },
        };
        const input = JSON.stringify(pod);
        expect(await kubectlOk(["create", "--dry-run=server", "-f", "-"], { input })).toContain("created");
      }
      expect(deployments).toHaveLength(2);
    },
  );
});
