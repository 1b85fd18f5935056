import { type Pod, resources } from "@orchestrator/controller-runtime";
import { waitFor } from "../support/wait.ts";
import type { Ending } from "./ending.ts";
import { type Scene, soon } from "./scene.ts";
import { priorityClasses, resourceQuotas } from "./shared-kinds.ts";
import type { Stage } from "./stage.ts";
import { atFaultyForge, implement, twice } from "./work.ts";
import { titleOf } from "./title.ts";

/** An agent at work that does not end by itself. */
const atWork = implement({ details: "[[rehearse:hang]]" });
const pendingTimeout = "3s";

async function evict(scene: Scene): Promise<void> {
  const { namespace, name } = (await scene.pod()).metadata;
  await scene.stage.client.request({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/pods/${name}/eviction`,
    body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace, name } },
    signal: soon(),
  });
}

/** A run on a node that is to die, whose pod is not kept there for long then. */
async function onDyingNode(stage: Stage, name: string) {
  const node = await stage.ownNode();
  const impatient = ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"].map((key) => ({
    key,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 0,
  }));
  const { nodeSelector, tolerations = [] } = node.place;
  const pod = { nodeSelector, tolerations: [...tolerations, ...impatient] };
  return await implement({ details: "[[rehearse:hang]]", spec: { pod } })(stage, name);
}

const unimportant = "endings-unimportant";
const important = "endings-important";
const forbidden = "endings-forbidden";

function priority(name: string, value: number) {
  return { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, value };
}

/** A run on a node that has room for one pod. */
async function onSmallNode(stage: Stage, name: string) {
  await stage.shared(priorityClasses, priority(unimportant, 0));
  await stage.shared(priorityClasses, priority(important, 1));
  const capacity = { pods: "1" };
  const node = await stage.ownNode({ capacity });
  const pod = { ...node.place, priorityClassName: unimportant };
  return await implement({ details: "[[rehearse:hang]]", spec: { pod } })(stage, name);
}

/** A pod that matters more comes to the node of the run's pod. */
async function crowdOut(scene: Scene): Promise<void> {
  await scene.untilPhase("Running");
  const { nodeSelector, tolerations } = (await scene.pod()).spec;
  const metadata = { namespace: scene.key.namespace, name: "important" };
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: {
      ...(nodeSelector && { nodeSelector }),
      ...(tolerations && { tolerations }),
      priorityClassName: important,
      containers: [{ name: "main", image: "shell" }],
    },
  };
  await scene.stage.client.create(resources.pods, pod, { signal: soon() });
}

/** A quota that leaves no room for pods of a priority. */
async function withoutRoom(stage: Stage, name: string) {
  await stage.shared(priorityClasses, priority(forbidden, 0));
  const quota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { namespace: stage.namespace, name: forbidden },
    spec: {
      hard: { pods: "0" },
      scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: [forbidden] }] },
    },
  };
  await stage.client.create(resourceQuotas, quota, { signal: soon() });
  await waitFor("the quota to be counted", async (signal) => {
    const { status } = await stage.client.get(resourceQuotas, quota.metadata, { signal });
    return status?.hard === undefined ? { pending: status } : { done: true };
  });
  return await implement({ spec: { pendingTimeout, pod: { priorityClassName: forbidden } } })(stage, name);
}

async function deletePod(scene: Scene): Promise<void> {
  await scene.stage.client.delete(resources.pods, await keyOf(scene.pod()), { signal: soon() });
}

async function keyOf(object: Promise<{ metadata: { namespace?: string; name: string } }>) {
  const { namespace, name } = (await object).metadata;
  return { namespace, name };
}

export const infrastructure: readonly Ending[] = [
  {
    name: "image-missing",
    cause: "No registry has the image of `spec.pod.image`.",
    reason: "ImagePullFailed",
    tells: ["registry.example/agent:none", "spec.pendingTimeout", "spec.pod.imagePullSecrets"],
    run: implement({ spec: { pendingTimeout: "20s", pod: { image: "registry.example/agent:none" } } }),
  },
  {
    name: "no-node-fits",
    cause: "No node has the labels of `spec.pod.nodeSelector`.",
    reason: "Unschedulable",
    tells: ["fits no node", "spec.pod"],
    run: implement({ spec: { pendingTimeout, pod: { nodeSelector: { "example.org/disk": "fast" } } } }),
  },
  {
    name: "quota-full",
    cause: "A quota of the namespace forbids the pod.",
    reason: "PodNotCreated",
    tells: [`exceeded quota: ${forbidden}`],
    run: withoutRoom,
  },
  {
    name: "priority-missing",
    cause: "There is no PriorityClass of the name in `spec.pod.priorityClassName`.",
    reason: "PodNotCreated",
    tells: ["no PriorityClass with name urgent was found"],
    run: implement({ spec: { pendingTimeout, pod: { priorityClassName: "urgent" } } }),
  },
  {
    name: "evicted",
    cause: "The pod is evicted, as a drain of its node does.",
    reason: "PodEvicted",
    tells: ["EvictionByEvictionAPI"],
    run: atWork,
    meanwhile: async (scene) => {
      await scene.untilPhase("Running");
      await evict(scene);
    },
  },
  {
    name: "preempted",
    cause: "The scheduler ends the pod to make room for one of a higher priority.",
    reason: "Preempted",
    tells: ["PreemptionByScheduler", "spec.pod.priorityClassName"],
    run: onSmallNode,
    meanwhile: crowdOut,
  },
  {
    name: "node-dies",
    cause: "The node stops answering, its pod is to be deleted and does not go.",
    reason: "NodeLost",
    tells: ["has not answered since"],
    run: onDyingNode,
    meanwhile: async (scene) => {
      await scene.untilPhase("Running");
      scene.stage.breakNode((await scene.pod()).spec.nodeName ?? "");
    },
  },
  {
    name: "pod-deleted",
    cause: "Somebody deletes the pod while the agent works; the next attempt goes on from what was kept.",
    reason: "PodDeleted",
    attempts: ["PodDeleted", "Delivered"],
    tells: ["infrastructure retry 1 of 1"],
    run: async (stage, name) => {
      stage.model.holds.hold(titleOf(name), { afterCalls: 3 });
      return await implement({ spec: twice })(stage, name);
    },
    meanwhile: async (scene) => {
      const { holds } = scene.stage.model;
      const title = titleOf(scene.key.name);
      await scene.untilAsked();
      await deletePod(scene);
      await scene.untilPhase("Retrying");
      holds.release(title);
    },
  },
  {
    name: "job-deleted",
    cause: "Somebody deletes the run's Job while the agent works.",
    reason: "JobDeleted",
    tells: ["spec.cancel"],
    run: atWork,
    meanwhile: async (scene) => {
      await scene.untilPhase("Running");
      const [job] = await scene.jobs();
      const key = { namespace: scene.key.namespace, name: job?.metadata.name ?? "" };
      await scene.stage.client.delete(resources.jobs, key, { propagationPolicy: "Background", signal: soon() });
    },
  },
  {
    name: "forge-down",
    cause: "The forge of `spec.repository.url` does not answer.",
    reason: "RepositoryUnreachable",
    tells: ["cannot be reached", "spec.repository.url"],
    run: implement({
      repository: async (stage, name, files) => {
        const { forge, repository } = await stage.faultyForge(name, files);
        await forge.close();
        return repository;
      },
    }),
  },
  {
    name: "forge-fails",
    cause: "The forge takes the branch, and answers 500 when the pull request is opened.",
    reason: "ForgeUnavailable",
    tells: ["500", "spec.repository.apiUrl"],
    run: implement(atFaultyForge({ pullRequestStatus: 500 })),
  },
];
