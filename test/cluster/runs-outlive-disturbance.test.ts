import { resources } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import { type ClusterLab, onCluster, openLab, reasonOf } from "./support/cluster-lab.ts";
import { runShell } from "./support/guide.ts";
import { rolledOut } from "./support/operators.ts";

let lab: ClusterLab;
beforeAll(async () => {
  lab = await openLab("disturbed");
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Shell commands that only whoever made the cluster knows. */
const { RESTART_KUBELET, RESTART_API_SERVER, STOP_KUBELET, START_KUBELET } = process.env;

/** Runs at work that wait for the model. */
async function working(name: string, count: number, spec: Record<string, unknown> = {}): Promise<RunObject[]> {
  await lab.model.hold(`Held: ${name}`);
  const runs: RunObject[] = [];
  for (let index = 1; index <= count; index += 1) {
    const repository = await lab.repository(`${name}-${index}`, [{ id: 1, title: `Held: ${name}` }]);
    runs.push(await lab.implement(`${name}-${index}`, { repository, ...spec }));
  }
  await lab.model.held(`Held: ${name}`, count);
  return runs;
}

interface Outcome {
  phase: string | undefined;
  message: string | undefined;
  jobs: number;
  pullRequests: number;
}

/** Lets the runs go on to their ends. */
async function goOn(name: string, runs: RunObject[]): Promise<Outcome[]> {
  await lab.model.release(`Held: ${name}`);
  const outcomes: Outcome[] = [];
  for (const run of runs) {
    const { phase, message } = await lab.end(run);
    const labelSelector = `orchestrator.io/run-uid=${run.metadata.uid}`;
    const signal = AbortSignal.timeout(30_000);
    const jobs = await lab.client.list(resources.jobs, { namespace: lab.namespace, labelSelector, signal });
    const pullRequests = await lab.pullRequests(run.metadata.name);
    outcomes.push({ phase, message, jobs: jobs.items.length, pullRequests: pullRequests.length });
  }
  return outcomes;
}

/** As if nothing had happened. */
const undisturbed = { phase: "Succeeded", jobs: 1, pullRequests: 1 };

test("the operator is rolled while runs are in flight", async () => {
  const runs = await working("rolled", 3);
  await onCluster("-n", "orchestrator-system", "rollout", "restart", "deployment/task-implementation-operator");
  await rolledOut();
  expect(await goOn("rolled", runs)).toMatchObject([undisturbed, undisturbed, undisturbed]);
});

test.runIf(RESTART_KUBELET)("the kubelet is restarted while a run is at work", async () => {
  const runs = await working("kubelet", 1);
  await runShell(RESTART_KUBELET ?? "");
  await lab.answers();
  expect(await goOn("kubelet", runs)).toMatchObject([undisturbed]);
});

test.runIf(RESTART_API_SERVER)("the API server is restarted while a run is at work", async () => {
  const runs = await working("api-server", 1);
  await runShell(RESTART_API_SERVER ?? "");
  await lab.answers();
  expect(await goOn("api-server", runs)).toMatchObject([undisturbed]);
  await rolledOut();
});

test.runIf(STOP_KUBELET && START_KUBELET)("a node that cannot be reached is NodeLost", async () => {
  const key = "node.kubernetes.io/unreachable";
  const toleration = { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 };
  const [run] = await working("lost", 1, { pod: { tolerations: [toleration] } });
  const pod = await lab.pod(run as RunObject);
  const node = (pod.spec as { nodeName?: string }).nodeName ?? "";
  await runShell(STOP_KUBELET ?? "");
  try {
    // On a cluster with several nodes the controller manager sets this taint; with all of its nodes gone it sets none.
    await onCluster("taint", "node", node, `${key}:NoExecute`, "--overwrite");
    const status = await lab.end(run as RunObject, { timeoutMs: 180_000 });
    expect(reasonOf(status), status.message).toBe("NodeLost");
  } finally {
    await runShell(START_KUBELET ?? "");
    await lab.answers();
    await lab.model.release("Held: lost");
    await waitFor("the node to be ready and the controller manager to have taken the taint away", async (signal) => {
      const { spec, status } = await lab.client.get(resources.nodes, { name: node }, { signal });
      const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
      const tainted = spec?.taints?.some((taint) => taint.key === key);
      return ready === "True" && !tainted ? { done: true } : { pending: { ready, taints: spec?.taints } };
    });
  }
});
