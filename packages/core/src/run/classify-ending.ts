import type { Verdict } from "../pod/termination-message.ts";
import type { Ending } from "./attempt-state.ts";
import { defined } from "./defined.ts";
import type { JobView, PodView, Terminated } from "./observation.ts";
import { readReport, type PodReport } from "./pod-report.ts";
import { reasons, type Reason } from "./reason.ts";

/**
 * Why a pod that has ended ended. When several signs are there, the first of these decides: complete delivery proven by the
 * gateway; eviction, preemption, node loss, deletion; failure before the agent; the gateway's verdict; that it was told to end;
 * what was delivered in part; the agent's report (but that it had no result, where memory ran out); the pod's time limit; memory;
 * exit code.
 *
 * @param job absent when it is gone or going: a deleted pod then went with its Job.
 */
export function classifyEnding(pod: PodView, job: JobView | undefined): Ending {
  const report = readReport(pod);
  const sign = firstSign(pod, job, report);
  return {
    reason: sign.reason,
    message: sign.message,
    ...exitOf(pod),
    ...defined({ final: sign.final, gateway: report.gateway, agent: report.agent }),
  };
}

function firstSign(pod: PodView, job: JobView | undefined, report: PodReport): Verdict {
  return (
    completeDelivery(report) ??
    takenAway(pod, job) ??
    beforeTheAgent(pod, report) ??
    gatewaysWord(report) ??
    toldToEnd(pod) ??
    partialDelivery(report) ??
    silencedByMemory(pod, report) ??
    agentsWord(report) ??
    emptyDelivery(report) ??
    timeLimit(pod) ??
    exit(pod)
  );
}

function completeDelivery({ gateway }: PodReport): Verdict | undefined {
  const delivery = gateway?.delivery;
  if (delivery?.outcome === "UpToDate") {
    return { reason: "UpToDate", message: "Everything asked for was there already; nothing had to be delivered" };
  }
  if (delivery?.outcome !== "Delivered") return undefined;
  const where = delivery.result?.pullRequest?.url ?? delivery.result?.branch;
  return { reason: "Delivered", message: where === undefined ? "Delivered" : `Delivered as ${where}` };
}

/** Reasons of the condition DisruptionTarget, and of the status of a pod that its node ended or refused. */
const disruptions: ReadonlyMap<string, Reason> = new Map([
  ["DeletionByTaintManager", "NodeLost"],
  ["DeletionByPodGC", "NodeLost"],
  ["NodeLost", "NodeLost"],
  ["EvictionByEvictionAPI", "PodEvicted"],
  ["PreemptionByScheduler", "Preempted"],
  ["TerminationByKubelet", "PodEvicted"],
  ["Evicted", "PodEvicted"],
  ["Preempting", "Preempted"],
  ["Shutdown", "PodEvicted"],
  ["NodeShutdown", "PodEvicted"],
  ["Terminated", "PodEvicted"],
  ["NodeAffinity", "Unschedulable"],
  ["UnexpectedAdmissionError", "Unschedulable"],
  ["TaintToleration", "Unschedulable"],
  ["TopologyAffinityError", "Unschedulable"],
]);

function takenAway(pod: PodView, job: JobView | undefined): Verdict | undefined {
  const sign = pod.disruption ?? pod;
  const reason = disruptions.get(sign.reason) ?? (isOutOf(sign.reason) ? "Unschedulable" : undefined);
  const where = pod.node === undefined ? "" : ` on node ${pod.node}`;
  if (reason !== undefined) {
    return { reason, message: `Pod ${pod.name}${where} was ended from outside (${sign.reason}): ${sign.message}` };
  }
  if (statusUnknown(pod)) {
    return { reason: "NodeLost", message: `Nobody knows how pod ${pod.name}${where} ended: its containers were lost` };
  }
  if (pod.deletion === undefined || endedBefore(pod, pod.deletion.requestedAt)) return undefined;
  if (job === undefined)
    return { reason: "JobDeleted", message: "The run's Job was deleted while its pod was running" };
  return { reason: "PodDeleted", message: `Pod ${pod.name} was deleted before its work was done` };
}

/** The node lacks some resource, of whatever name, that the scheduler thought it had. */
function isOutOf(reason: string): boolean {
  return reason.startsWith("OutOf");
}

/** The kubelet found no trace of the container that decides. */
function statusUnknown({ agent, prepare }: PodView): boolean {
  const decisive = agent.type === "terminated" ? agent : prepare;
  if (decisive.type !== "terminated") return false;
  const { reason, exitCode } = decisive;
  // containerd says the latter of a container that it does not find again after its own restart or the node's.
  return reason === "ContainerStatusUnknown" || (reason === "Unknown" && exitCode === 255);
}

/** Its own containers had ended when someone asked for the deletion. Times of the API have a resolution of one second. */
function endedBefore(pod: PodView, requestedAt: number): boolean {
  const { finishedAt } = exitOf(pod);
  return finishedAt !== undefined && finishedAt < requestedAt;
}

function beforeTheAgent(pod: PodView, { prepare }: PodReport): Verdict | undefined {
  if (pod.prepare.type !== "terminated" || pod.prepare.exitCode === 0) return undefined;
  return worded(prepare?.verdict) ?? toldToEnd(pod) ?? exitOfContainer("prepare", pod, pod.prepare);
}

/** A verdict tells what went wrong; success is never taken from one. */
function worded(verdict: Verdict | undefined): Verdict | undefined {
  return verdict === undefined || reasons[verdict.reason] === "success" ? undefined : verdict;
}

/** What met the round's limits while it mended what a verification had found is told by what was found. */
function gatewaysWord(report: PodReport): Verdict | undefined {
  const verdict = worded(report.gateway?.verdict);
  const told = agentsWord(report);
  const limited = verdict?.reason === "MaxTurnsReached" || verdict?.reason === "BudgetExceeded";
  return limited && told?.reason === "VerificationFailed" ? { ...told, final: true } : verdict;
}

function partialDelivery(report: PodReport): Verdict | undefined {
  const delivery = report.gateway?.delivery;
  if (delivery?.outcome !== "IncompleteDocs") return undefined;
  const { failed, delivered } = delivery.tasks ?? { failed: "", delivered: "" };
  const where = delivery.result?.pullRequest?.url;
  const parts = [
    failed && `not complete: tasks ${failed}`,
    delivered && `delivered: tasks ${delivered}`,
    where && `in ${where}`,
    agentsWord(report)?.message,
  ];
  return {
    reason: "IncompleteDocs",
    message: `Not every task has its documents (${parts.filter(Boolean).join("; ")})`,
  };
}

/** What the agent's container may be believed: nothing about delivery, the provider or the infrastructure. */
const believed: ReadonlySet<Reason> = new Set([
  "AgentError",
  "AgentTimedOut",
  "Stalled",
  "MaxTurnsReached",
  "VerificationFailed",
  "NoResult",
  "IncompleteDocs",
  "NothingDelivered",
  "OutOfMemory",
  "InvalidInput",
  "SettingsRejected",
  "AgentMissing",
]);

function agentsWord({ agent }: PodReport): Verdict | undefined {
  const told = agent?.verdict;
  return told !== undefined && believed.has(told.reason) ? told : undefined;
}

/** The kernel ended the agent alone, and the runner, which outlived it, cannot know why. */
function silencedByMemory(pod: PodView, { agent }: PodReport): Verdict | undefined {
  if (agent?.verdict?.reason !== "NoResult" || pod.agent.type !== "terminated") return undefined;
  return pod.agent.reason === "OOMKilled" ? exitOfContainer("agent", pod, pod.agent) : undefined;
}

function emptyDelivery({ gateway }: PodReport): Verdict | undefined {
  if (gateway?.delivery?.outcome !== "NothingDelivered") return undefined;
  return { reason: "NothingDelivered", message: "The agent ended and had nothing to hand in" };
}

/** By the operator; a run that was cancelled says so whatever its pod says. */
function toldToEnd(pod: PodView): Verdict | undefined {
  if (!pod.stopAsked || pod.reason !== "DeadlineExceeded") return undefined;
  return { reason: "DeadlineExceeded", message: `Pod ${pod.name} was told to end` };
}

function timeLimit(pod: PodView): Verdict | undefined {
  if (pod.reason !== "DeadlineExceeded") return undefined;
  return { reason: "AgentTimedOut", message: `Pod ${pod.name} reached its time limit` };
}

function exit(pod: PodView): Verdict {
  if (pod.agent.type !== "terminated") {
    return {
      reason: "AgentError",
      message: `Pod ${pod.name} ended (${pod.reason || "no reason given"}): ${pod.message}`,
    };
  }
  if (pod.agent.exitCode === 0 && pod.agent.reason !== "OOMKilled") {
    return (
      gatewayLost(pod) ?? {
        reason: "NothingDelivered",
        message: `Pod ${pod.name} ended and its gateway reported no delivery`,
      }
    );
  }
  return exitOfContainer("agent", pod, pod.agent);
}

/** It tells what was delivered when it ends, and nobody starts it again then. */
function gatewayLost(pod: PodView): Verdict | undefined {
  const { gateway } = pod;
  if (gateway.type !== "terminated" || gateway.exitCode === 0) return undefined;
  const outOfMemory = gateway.reason === "OOMKilled";
  if (gateway.exitCode < 128 && !outOfMemory) return exitOfContainer("gateway", pod, gateway);
  const how = `exit code ${gateway.exitCode}${outOfMemory ? ", out of memory" : ""}`;
  const message = `Container gateway of pod ${pod.name} was killed (${how}) before it told what it has delivered`;
  return { reason: "NodeLost", message };
}

function exitOfContainer(name: string, pod: PodView, container: Terminated): Verdict {
  const which = `Container ${name} of pod ${pod.name}`;
  if (container.reason === "OOMKilled")
    return { reason: "OutOfMemory", message: `${which} used more memory than its limit` };
  if (container.reason === "StartError") return notStarted(which, container.message);
  if (container.exitCode === 127 || container.exitCode === 126) {
    return { reason: "AgentMissing", message: `${which} found no program to run (exit code ${container.exitCode})` };
  }
  return { reason: "AgentError", message: `${which} ended with exit code ${container.exitCode}` };
}

/** The runtime could not start a container: its image lacks the program, it has too little memory, or the node is in trouble. */
function notStarted(which: string, words: string): Verdict {
  const message = `${which} could not be started: ${words}`;
  if (/executable file not found|no such file or directory|permission denied|exec format error/i.test(words)) {
    return { reason: "AgentMissing", message };
  }
  return { reason: /OOM-killed/i.test(words) ? "OutOfMemory" : "NodeLost", message };
}

/** A preparation that went well ends no pod. */
function exitOf({ agent, prepare }: PodView): Pick<Ending, "exitCode" | "startedAt" | "finishedAt"> {
  const decisive = agent.type === "terminated" ? agent : prepare;
  if (decisive.type !== "terminated" || (decisive === prepare && decisive.exitCode === 0)) return {};
  const startedAt = agent.type === "terminated" ? agent.startedAt : undefined;
  return defined({ exitCode: decisive.exitCode, startedAt, finishedAt: decisive.finishedAt });
}
