import { containers } from "../pod/layout.ts";
import type { Waiting } from "./attempt-state.ts";
import { plain } from "./messages.ts";
import type { ContainerView, JobView, PodView } from "./observation.ts";

/** Why an attempt still waits whose Job has no pod; `refusal` is what the Job controller says of it, where that is known. */
export function classifyPodless(job: Pick<JobView, "name">, refusal: string | undefined): Waiting {
  const why = refusal === undefined ? "; a quota or an admission policy may forbid it" : `: ${plain(refusal)}`;
  const message = `Job ${job.name} has not created its pod${why}`;
  return { reason: "PodNotCreated", endsAs: "PodNotCreated", hopeless: false, message, retold: true };
}

/** Why an attempt whose agent has not started still waits for its pod. */
export function classifyWaiting(pod: PodView): Waiting {
  if (pod.unschedulable !== undefined) {
    const message = `Pod ${pod.name} fits no node: ${plain(pod.unschedulable)}${claimHint(pod)}`;
    return { reason: "Unschedulable", endsAs: "Unschedulable", hopeless: false, message };
  }
  return (
    blocked(pod, containers.gateway, pod.gateway) ??
    blocked(pod, containers.prepare, pod.prepare) ??
    blocked(pod, containers.agent, pod.agent) ??
    underWay(pod)
  );
}

/** The scheduler does not always name the claim that has no volume, such as one of a storage class that does not exist. */
function claimHint({ claim, namespace, unschedulable = "" }: PodView): string {
  if (claim === undefined || !/persistentvolumeclaim/i.test(unschedulable)) return "";
  return `; kubectl -n ${namespace} describe pvc ${claim} tells why the workspace has no volume`;
}

function underWay(pod: PodView): Waiting {
  if (pod.prepare.type === "running") {
    const log = `kubectl -n ${pod.namespace} logs ${pod.name} -c gateway`;
    const message = `Pod ${pod.name} is fetching the repository; ${log} tells what delays it`;
    return { reason: "Preparing", endsAs: "RepositoryUnreachable", hopeless: false, message };
  }
  const message = `Pod ${pod.name} is starting${pod.node === undefined ? "" : ` on node ${pod.node}`}`;
  return { reason: "PodStarting", endsAs: "PodNotCreated", hopeless: false, message };
}

/** What each reason of a waiting container stands for, and whether waiting longer can help. */
const blocks: ReadonlyMap<string, { reason: Waiting["endsAs"]; verb: string; hopeless?: true }> = new Map([
  ["ErrImagePull", { reason: "ImagePullFailed", verb: "cannot get its image" }],
  ["ImagePullBackOff", { reason: "ImagePullFailed", verb: "cannot get its image" }],
  ["ImageInspectError", { reason: "ImagePullFailed", verb: "cannot get its image" }],
  ["RegistryUnavailable", { reason: "ImagePullFailed", verb: "cannot get its image" }],
  ["InvalidImageName", { reason: "ImagePullFailed", verb: "cannot get its image", hopeless: true }],
  ["ErrImageNeverPull", { reason: "ImagePullFailed", verb: "cannot get its image", hopeless: true }],
  ["CreateContainerConfigError", { reason: "ContainerConfigError", verb: "cannot be configured", hopeless: true }],
  ["CreateContainerError", { reason: "ContainerConfigError", verb: "cannot be started" }],
  ["RunContainerError", { reason: "ContainerConfigError", verb: "cannot be started" }],
  ["CrashLoopBackOff", { reason: "ContainerConfigError", verb: "keeps ending" }],
]);

/** What keeps this container from starting, if anything does. */
function blocked(pod: PodView, name: string, container: ContainerView): Waiting | undefined {
  const told = (text: string) => `Container ${name} of pod ${pod.name} ${plain(text)}`;
  if (container.type === "terminated" && name === containers.gateway) return programMissing(told, container);
  if (container.type !== "waiting") return undefined;
  const block = blocks.get(container.reason);
  if (block === undefined) return undefined;
  const { reason, verb, hopeless = false } = block;
  const message = told(`${verb} (${container.reason}): ${container.message}`);
  return (
    programMissing(told, container) ??
    (container.last && programMissing(told, container.last)) ?? {
      reason,
      endsAs: reason,
      // The kubelet gives the same reason while its own caches fill.
      hopeless: hopeless && !container.message.startsWith("failed to sync"),
      message,
    }
  );
}

/** The image does not hold the program that the container is to run. */
function programMissing(
  told: (text: string) => string,
  container: { reason: string; message: string; exitCode?: number },
): Waiting | undefined {
  const notFound = /executable file not found|no such file or directory/.test(container.message);
  if (!notFound && container.exitCode !== 127) return undefined;
  const message = told(`finds no such program in its image: ${container.message || `exit code ${container.exitCode}`}`);
  return { reason: "AgentMissing", endsAs: "AgentMissing", hopeless: true, message };
}
