import { type Pod, resources } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import { type ClusterLab, onCluster, openLab, reasonOf } from "./support/cluster-lab.ts";

let lab: ClusterLab;
beforeAll(async () => {
  lab = await openLab("endings");
});
afterAll(() => lab[Symbol.asyncDispose]());

/** A run whose agent is at work, and waits for the model. */
async function working(name: string, spec: Record<string, unknown> = {}): Promise<{ run: RunObject; pod: Pod }> {
  await lab.model.hold(`Held: ${name}`);
  const repository = await lab.repository(name, [{ id: 1, title: `Held: ${name}` }]);
  const run = await lab.implement(name, { repository, ...spec });
  await lab.model.held(`Held: ${name}`);
  await lab.until(run, "is Running", ({ phase }) => phase === "Running");
  return { run, pod: await lab.pod(run) };
}

/** A run that the rehearsal gives this scenario. */
async function rehearsed(name: string, scenario: string, spec: Record<string, unknown>): Promise<RunObject> {
  const repository = await lab.repository(name, [{ id: 1, details: `[[rehearse:${scenario}]]` }]);
  return await lab.implement(name, { repository, ...spec });
}

const limited = (memory: string) => ({ pod: { resources: { requests: { memory: "128Mi" }, limits: { memory } } } });

test("an agent that passes its memory limit is OutOfMemory", async () => {
  const run = await rehearsed("agent-oom", "slow", limited("130Mi"));
  const status = await lab.end(run);
  expect(reasonOf(status), status.message).toBe("OutOfMemory");
  expect(status.message).toContain("spec.pod.resources.limits.memory");
});

test("a command of the agent that passes the limit does not pass for the agent's success or silence", async () => {
  const run = await rehearsed("child-oom", "oom", limited("900Mi"));
  const status = await lab.end(run);
  // Where the kernel kills the command alone, the agent is told and goes on; where it kills the container, the run says so.
  expect(["Delivered", "OutOfMemory"], status.message).toContain(reasonOf(status));
});

test("a pod that is evicted is PodEvicted", async () => {
  const { run, pod } = await working("evicted");
  const { name, namespace } = pod.metadata;
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
  await lab.client.request({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods/${name}/eviction`,
    body: eviction,
    signal: AbortSignal.timeout(30_000),
  });
  const status = await lab.end(run);
  expect(reasonOf(status), status.message).toBe("PodEvicted");
});

async function make(path: string, body: object): Promise<void> {
  await lab.client.request({ method: "POST", path, body, signal: AbortSignal.timeout(30_000) });
}

/** A node, and more than half of its processors. */
async function mostOfANode(): Promise<{ nodeSelector: Record<string, string>; cpu: string }> {
  const { items } = await lab.client.list(resources.nodes, { signal: AbortSignal.timeout(30_000) });
  const { metadata, status } = items[0] ?? {};
  const cpu = status?.allocatable?.["cpu"] ?? "";
  const milli = cpu.endsWith("m") ? Number(cpu.slice(0, -1)) : Number(cpu) * 1000;
  const nodeSelector = { "kubernetes.io/hostname": metadata?.labels?.["kubernetes.io/hostname"] ?? "" };
  return { nodeSelector, cpu: `${Math.floor(milli * 0.6)}m` };
}

test("a pod that has to give way is Preempted", async () => {
  const { nodeSelector, cpu } = await mostOfANode();
  const { run } = await working("preempted", { pod: { nodeSelector, resources: { requests: { cpu } } } });
  const priority = {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: "test-first" },
    value: 1000,
  };
  const container = {
    name: "first",
    image: `localhost/orchestrator/agent:${inject("stage").version}`,
    command: ["true"],
    resources: { requests: { cpu } },
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  };
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } };
  const spec = {
    priorityClassName: "test-first",
    restartPolicy: "Never",
    nodeSelector,
    securityContext,
    containers: [container],
  };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "first", namespace: lab.namespace }, spec };
  try {
    await make("/apis/scheduling.k8s.io/v1/priorityclasses", priority);
    await make(`/api/v1/namespaces/${lab.namespace}/pods`, pod);
    const status = await lab.end(run);
    expect(reasonOf(status), status.message).toBe("Preempted");
  } finally {
    await onCluster("delete", "priorityclass", "test-first");
  }
});

test("an image that cannot be pulled is ImagePullFailed, and named", async () => {
  const repository = await lab.repository("no-image", [{ id: 1 }]);
  const image = "localhost/no-such-image:1";
  const run = await lab.implement("no-image", { repository, pendingTimeout: "20s", pod: { image } });
  const status = await lab.end(run);
  expect(reasonOf(status), status.message).toBe("ImagePullFailed");
  expect(status.message).toContain(image);
});

test("a quota that forbids the pod is PodNotCreated", async () => {
  await using poor = await openLab("quota");
  await poor.kubectl("create", "quota", "none", "--hard=pods=0");
  const repository = await poor.repository("quota", [{ id: 1 }]);
  const run = await poor.implement("quota", { repository, pendingTimeout: "15s" });
  const status = await poor.end(run);
  expect(reasonOf(status), status.message).toBe("PodNotCreated");
  expect(status.message).toContain("exceeded quota: none");
});

test("a run that is cancelled gives its agent time, and still tells what it cost", async () => {
  const { run } = await working("cancelled");
  await lab.kubectl("patch", "tir", "cancelled", "--type=merge", '--patch={"spec":{"cancel":true}}');
  const status = await lab.end(run);
  expect(reasonOf(status), status.message).toBe("Cancelled");
  const pod = await lab.pod(run, "has ended", ({ status: { phase } = {} }) => phase === "Failed");
  expect(pod.status?.reason).toBe("DeadlineExceeded");
  expect(status.usage).toBeDefined();
});

test("a run that is cancelled ends also where a policy does not let the operator change its pod", async () => {
  const group = "/apis/admissionregistration.k8s.io/v1";
  const name = `${lab.namespace}-pods-stay`;
  const operator = "system:serviceaccount:orchestrator-system:task-implementation-operator";
  const apiVersion = "admissionregistration.k8s.io/v1";
  const rule = { apiGroups: [""], apiVersions: ["v1"], resources: ["pods"], operations: ["UPDATE"] };
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": lab.namespace } };
  const { run, pod } = await working("unchangeable");
  try {
    await make(`${group}/validatingadmissionpolicies`, {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name },
      spec: {
        matchConstraints: { resourceRules: [rule] },
        matchConditions: [{ name: "operator", expression: `request.userInfo.username == "${operator}"` }],
        validations: [{ expression: "false", message: "pods stay as they are" }],
      },
    });
    await make(`${group}/validatingadmissionpolicybindings`, {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name },
      spec: { policyName: name, validationActions: ["Deny"], matchResources: { namespaceSelector } },
    });
    await waitFor("the policy to be in force", async () => {
      const change = [
        "label",
        "pod",
        pod.metadata.name,
        "changed=yes",
        "--overwrite",
        "--dry-run=server",
        `--as=${operator}`,
      ];
      const said = await lab.kubectl(...change).catch((error: unknown) => String(error));
      return said.includes("pods stay as they are") ? { done: said } : { pending: said };
    });
    await lab.kubectl("patch", "tir", "unchangeable", "--type=merge", '--patch={"spec":{"cancel":true}}');
    const status = await lab.end(run);
    expect(reasonOf(status), status.message).toBe("Cancelled");
  } finally {
    await onCluster("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name);
  }
});

test("a pod past its own time limit is AgentTimedOut", async () => {
  const { run, pod } = await working("late");
  await lab.kubectl("patch", "pod", pod.metadata.name, "--type=merge", '--patch={"spec":{"activeDeadlineSeconds":2}}');
  const status = await lab.end(run);
  expect(reasonOf(status), status.message).toBe("AgentTimedOut");
});

test("a run whose end was seen is deleted with all that it owns", async () => {
  await lab.kubectl("delete", "tir", "--all", "--wait=true");
  await waitFor("Jobs, pods and ConfigMaps of the runs to be gone", async () => {
    const left = await lab.kubectl(
      "get",
      "jobs,pods,configmaps",
      "-l",
      "app.kubernetes.io/managed-by=orchestrator",
      "-o",
      "name",
    );
    return left === "" ? { done: true } : { pending: left };
  });
  expect(await lab.kubectl("get", "networkpolicies", "-o", "name")).toContain("orchestrator-task-runs");
});
