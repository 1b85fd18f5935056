import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type KubernetesClient, KubernetesClient as Client, loadConnection } from "@orchestrator/controller-runtime";
import { type ControlPlane, getBinaries, startControlPlane } from "@orchestrator/local-cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubectlOk, definitionsServed } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { launchOperator, type OperatorOptions, startOperator } from "../support/operator.ts";
import { PlayedKubelet } from "../support/played-kubelet.ts";
import { docsRun, docsRuns, waitForRun } from "../support/runs.ts";

// A cluster of its own: what is missing here is what the others need.
let directory: string;
let cluster: ControlPlane & { directory: string };
let client: KubernetesClient;
let namespace: TestNamespace;

const crds = fileURLToPath(new URL("../../crds/", import.meta.url));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "orchestrator-bare-"));
  const signal = AbortSignal.timeout(120_000);
  const env = process.env;
  const binaries = await getBinaries({ env, signal, log: () => undefined });
  cluster = Object.assign(await startControlPlane({ directory, binaries, env, signal }), { directory });
  client = new Client({
    connection: await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} }),
    userAgent: "behaviour-test",
  });
  namespace = await createNamespace(client, "bare");
});
afterAll(async () => {
  await client.close();
  await cluster.stop({ graceMs: 0 });
  await rm(directory, { recursive: true, force: true });
});

async function lastWords(options: Omit<OperatorOptions, "client" | "cluster" | "namespace">) {
  await using operator = await launchOperator({ client, cluster, namespace: namespace.name, ...options });
  return { code: await operator.ended, stderr: operator.output.stderr };
}

describe.each([
  ["docs-generation-operator", "docsgenerationruns"],
  ["task-implementation-operator", "taskimplementationruns"],
] as const)("%s ends with one line", (operator, plural) => {
  test("when its CustomResourceDefinition is not installed", async () => {
    const { code, stderr } = await lastWords({ operator });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^${operator}: [^\\n]*${plural}\\.orchestrator\\.io[^\\n]*kubectl apply -f crds/${plural}\\.yaml\\n$`),
    );
  });

  test("when it has no permission", async () => {
    const { code, stderr } = await lastWords({ operator, granted: false });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^${operator}: no permission to list [a-z0-9.]+ in namespace "${namespace.name}"[^\\n]*\\n$`),
    );
  });

  test("when its kubeconfig cannot be read", async () => {
    const broken = join(directory, "broken");
    await writeFile(broken, "{");
    for (const KUBECONFIG of [join(directory, "missing"), broken]) {
      const { code, stderr } = await lastWords({ operator, env: { KUBECONFIG } });
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`^${operator}: [^\\n]*${KUBECONFIG}[^\\n]*\\n$`));
    }
  });

  test("when a setting is not valid", async () => {
    const { code, stderr } = await lastWords({ operator, env: { LOG_LEVEL: "loud" } });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `${operator}: LOG_LEVEL of the environment must be one of trace, debug, info, warn, error, fatal\n`,
    });
  });
});

test("an operator works where the other kind is not installed", async () => {
  await kubectlOk(["apply", "--server-side", "-f", join(crds, "docsgenerationruns.yaml")], { cluster });
  await definitionsServed(cluster);
  const operator = "docs-generation-operator";
  await using _ = await startOperator({ operator, client, cluster, namespace: namespace.name });
  const key = { namespace: namespace.name, name: "alone" };
  const run = JSON.stringify(docsRun(key.namespace, key.name));
  expect(await kubectlOk(["apply", "-f", "-"], { input: run, cluster })).toContain("created");
  await new PlayedKubelet(client, namespace.name).startAgent(key.name);
  await waitForRun(client, docsRuns, key, "to be Running", ({ phase }) => phase === "Running");
});
