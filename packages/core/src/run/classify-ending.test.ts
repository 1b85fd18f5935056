import { describe, expect, it } from "vitest";
import type { AgentMessage, GatewayMessage } from "../pod/termination-message.ts";
import { classifyEnding } from "./classify-ending.ts";
import type { PodView } from "./observation.ts";
import { aJob, anEndedPod, aPod, exited, running, seconds, startOfRun, waiting } from "./observation-samples.ts";
import { type Reason, reasons } from "./reason.ts";
import { noUsage } from "./round-usage.ts";

type Told = { gateway?: Partial<GatewayMessage>; agent?: Partial<AgentMessage>; exitCode?: number };

const url = "https://forge.example/pull/7";
const delivered = { delivery: { outcome: "Delivered", result: { pullRequest: { number: 7, url } } } } as const;
const partly = {
  delivery: { outcome: "IncompleteDocs", tasks: { delivered: "1-2", upToDate: "", failed: "3" } },
} as const;
const evicted = { disruption: { reason: "EvictionByEvictionAPI", message: "drained" } };
const failedPrepare = (reason: Reason): Partial<PodView> => ({
  prepare: exited(1, { message: { version: 1, verdict: { reason, message: "what prepare says" } } }),
  agent: waiting("PodInitializing"),
});
const killedPrepare = { prepare: exited(143), agent: waiting("PodInitializing") };
const startError = (message: string) => ({ reason: "StartError", message });
const says = (reason: Reason) => ({ verdict: { reason, message: "what is said" } });

function reasonOf(told: Told, changes: Partial<PodView> = {}): Reason {
  return classifyEnding(anEndedPod(told, changes), aJob()).reason;
}

describe("how an attempt ended", () => {
  it.each<[Reason, Told, Partial<PodView>?]>([
    ["Delivered", { gateway: delivered }],
    ["UpToDate", { gateway: { delivery: { outcome: "UpToDate" } } }],
    ["IncompleteDocs", { gateway: partly }],
    ["NothingDelivered", { gateway: { delivery: { outcome: "NothingDelivered" } } }],
    ["NothingDelivered", { gateway: {} }],
    ["NothingDelivered", {}],
    ["NodeLost", {}, { gateway: exited(137) }],
    ["NodeLost", {}, { gateway: exited(1, { reason: "OOMKilled" }) }],
    ["AgentError", {}, { gateway: exited(1) }],
    ["PodEvicted", {}, evicted],
    ["Preempted", {}, { disruption: { reason: "PreemptionByScheduler", message: "" } }],
    ["Preempted", {}, { reason: "Preempting", message: "for a critical pod" }],
    ["NodeLost", {}, { agent: exited(137, { reason: "ContainerStatusUnknown" }) }],
    ["NodeLost", {}, { prepare: exited(137, { reason: "ContainerStatusUnknown" }), agent: waiting("PodInitializing") }],
    ["DeadlineExceeded", { agent: says("NoResult"), exitCode: 143 }, { reason: "DeadlineExceeded", stopAsked: true }],
    ["DeadlineExceeded", {}, { ...killedPrepare, reason: "DeadlineExceeded", stopAsked: true }],
    ["AgentError", {}, killedPrepare],
    ["RateLimited", { gateway: says("RateLimited") }, { reason: "DeadlineExceeded", stopAsked: true }],
    ["PodEvicted", {}, { reason: "Evicted", message: "the node was low on memory" }],
    ["NodeLost", {}, { disruption: { reason: "DeletionByTaintManager", message: "" } }],
    ["NodeLost", {}, { disruption: { reason: "DeletionByPodGC", message: "" }, node: undefined as never }],
    ["Unschedulable", {}, { reason: "OutOfcpu" }],
    ["AgentTimedOut", { exitCode: 143 }, { reason: "DeadlineExceeded" }],
    ["AgentTimedOut", { agent: says("AgentTimedOut"), exitCode: 1 }],
    ["NoResult", { agent: says("NoResult"), exitCode: 1 }],
    ["InvalidInput", {}, failedPrepare("InvalidInput")],
    ["MissingSecret", {}, failedPrepare("MissingSecret")],
    ["BranchNotFound", {}, failedPrepare("BranchNotFound")],
    ["RepositoryAuthFailed", {}, failedPrepare("RepositoryAuthFailed")],
    ["RepositoryUnreachable", {}, failedPrepare("RepositoryUnreachable")],
    ["AgentMissing", {}, { prepare: exited(127), agent: waiting("PodInitializing") }],
    ["OutOfMemory", {}, { prepare: exited(137, { reason: "OOMKilled" }), agent: waiting("PodInitializing") }],
    ["AgentError", {}, { prepare: exited(2, { message: "not JSON" }), agent: waiting("PodInitializing") }],
    ["RateLimited", { gateway: says("RateLimited"), exitCode: 1 }],
    ["ModelOverloaded", { gateway: says("ModelOverloaded"), exitCode: 1 }],
    ["ModelAuthFailed", { gateway: says("ModelAuthFailed"), exitCode: 1 }],
    ["PushRejected", { gateway: says("PushRejected") }],
    ["DeliveryRefused", { gateway: says("DeliveryRefused") }],
    ["ForgeUnavailable", { gateway: says("ForgeUnavailable") }],
    ["SettingsRejected", { agent: says("SettingsRejected"), exitCode: 1 }],
    ["OutOfMemory", { exitCode: 137 }, { agent: exited(137, { reason: "OOMKilled" }) }],
    ["OutOfMemory", {}, { agent: exited(0, { reason: "OOMKilled" }) }],
    ["AgentMissing", { exitCode: 127 }],
    ["AgentMissing", { exitCode: 126 }],
    ["AgentMissing", {}, { agent: exited(128, startError('exec: "agent": executable file not found in $PATH')) }],
    ["OutOfMemory", {}, { agent: exited(128, startError("container init was OOM-killed (memory limit too low?)")) }],
    ["NodeLost", {}, { agent: exited(128, startError("failed to create shim task: context deadline exceeded")) }],
    ["NodeLost", {}, { agent: exited(255, { reason: "Unknown" }) }],
    ["Unschedulable", {}, { agent: waiting("ContainerCreating"), reason: "TaintToleration" }],
    ["Unschedulable", {}, { agent: waiting("ContainerCreating"), reason: "OutOfexample.com/gpu" }],
    ["AgentError", { exitCode: 255 }],
    ["AgentError", { exitCode: 1 }],
    ["AgentError", {}, { agent: waiting("ContainerCreating"), reason: "Unknown" }],
    ["AgentError", {}, { agent: waiting("ContainerCreating") }],
  ])("%s", (reason, told, changes = {}) => {
    expect(reasonOf(told, changes)).toBe(reason);
  });

  it("as VerificationFailed for good, where mending met the limits of the round", () => {
    const agent = says("VerificationFailed");
    for (const reason of ["MaxTurnsReached", "BudgetExceeded"] as const) {
      const ending = classifyEnding(anEndedPod({ gateway: says(reason), agent, exitCode: 1 }), aJob());
      expect(ending).toMatchObject({ ...agent.verdict, final: true });
    }
    expect(reasonOf({ gateway: says("PushRejected"), agent, exitCode: 1 })).toBe("PushRejected");
  });

  it("where it could not start, in the kubelet's words", () => {
    const message = "exec: no such file or directory";
    const pod = anEndedPod({}, { prepare: { ...exited(128, { reason: "StartError" }), message } });
    expect(classifyEnding(pod, aJob()).message).toBe(
      `Container prepare of pod ${pod.name} could not be started: ${message}`,
    );
  });

  const everything: Told = { gateway: { ...says("RateLimited"), ...partly }, agent: says("NoResult"), exitCode: 137 };
  const deadline = { reason: "DeadlineExceeded" };

  it.each<[string, Reason, Told, Partial<PodView>]>([
    ["complete delivery over eviction", "Delivered", { ...everything, gateway: delivered }, evicted],
    ["complete delivery over the agent's report", "Delivered", { gateway: delivered, agent: says("NoResult") }, {}],
    [
      "complete delivery over the gateway's verdict",
      "Delivered",
      { gateway: { ...delivered, ...says("RateLimited") } },
      {},
    ],
    ["eviction over a failed preparation", "PodEvicted", everything, { ...evicted, ...failedPrepare("InvalidInput") }],
    ["a failed preparation over the gateway", "InvalidInput", everything, failedPrepare("InvalidInput")],
    ["the gateway's verdict over a part delivered", "RateLimited", everything, deadline],
    ["a part delivered over the agent's report", "IncompleteDocs", { ...everything, gateway: partly }, deadline],
    [
      "the agent's report over an empty delivery",
      "NoResult",
      { ...everything, gateway: { delivery: { outcome: "NothingDelivered" } } },
      deadline,
    ],
    ["the agent's report over the time limit", "NoResult", { agent: says("NoResult"), exitCode: 137 }, deadline],
    ["the time limit over memory", "AgentTimedOut", {}, { ...deadline, agent: exited(137, { reason: "OOMKilled" }) }],
    [
      "memory over an agent without a result",
      "OutOfMemory",
      { agent: says("NoResult") },
      { agent: exited(1, { reason: "OOMKilled", message: { version: 1, ...says("NoResult") } }) },
    ],
    ["memory over the exit code", "OutOfMemory", {}, { agent: exited(127, { reason: "OOMKilled" }) }],
  ])("%s", (_, reason, told, changes) => {
    expect(reasonOf(told, changes)).toBe(reason);
  });

  it.each(
    Object.keys(reasons).filter(
      (reason) => !["agent", "success"].includes(reasons[reason as Reason]) && !isAgentsToTell(reason),
    ) as Reason[],
  )("does not believe the agent about %s", (reason) => {
    expect(reasonOf({ agent: says(reason), exitCode: 1 })).toBe("AgentError");
  });

  it.each(["Delivered", "UpToDate"] as const)("takes %s from nobody's verdict", (reason) => {
    expect(reasonOf({ agent: says(reason), gateway: says(reason), exitCode: 1 })).toBe("AgentError");
    expect(reasonOf({}, failedPrepare(reason))).toBe("AgentError");
  });
});

function isAgentsToTell(reason: string): boolean {
  return ["InvalidInput", "SettingsRejected", "AgentMissing"].includes(reason);
}

describe("a pod that was deleted", () => {
  const end = startOfRun + 60 * seconds;
  const asked = (at: number) => ({ deletion: { requestedAt: at, dueAt: at + 90 * seconds } });

  it("while its agent worked is PodDeleted, or JobDeleted when the Job went first", () => {
    const pod = anEndedPod({ agent: says("AgentError"), exitCode: 143 }, asked(end - seconds));
    expect(classifyEnding(pod, aJob()).reason).toBe("PodDeleted");
    expect(classifyEnding(pod, undefined).reason).toBe("JobDeleted");
  });

  it("before its agent started is PodDeleted", () => {
    const pod = aPod({ ended: true, ...asked(end), prepare: { type: "running", startedAt: end } });
    expect(classifyEnding(pod, aJob())).toMatchObject({ reason: "PodDeleted" });
  });

  it("and given up by the cluster before its agent's end was told is PodDeleted", () => {
    const gone = { ended: true, ...asked(end), prepare: exited(0, { finishedAt: startOfRun }), agent: running() };
    expect(classifyEnding(aPod(gone), aJob())).toMatchObject({ reason: "PodDeleted" });
  });

  it("after its preparation had failed keeps the ending it had", () => {
    const failed = { ended: true, ...asked(end), prepare: exited(1, { finishedAt: startOfRun }) };
    expect(classifyEnding(aPod(failed), aJob())).toMatchObject({ reason: "AgentError" });
  });

  it("after its end keeps the ending it had", () => {
    expect(reasonOf({ agent: says("NoResult"), exitCode: 1 }, asked(end + seconds))).toBe("NoResult");
    expect(reasonOf({ gateway: delivered }, asked(end - seconds))).toBe("Delivered");
  });
});

describe("what an ending tells", () => {
  it("is where the work was delivered", () => {
    expect(classifyEnding(anEndedPod({ gateway: delivered }), aJob()).message).toBe(`Delivered as ${url}`);
    const pushed = { delivery: { outcome: "Delivered", result: { branch: "orchestrator/docs/a" } } } as const;
    expect(classifyEnding(anEndedPod({ gateway: pushed }), aJob()).message).toBe("Delivered as orchestrator/docs/a");
    const bare = { delivery: { outcome: "Delivered" } } as const;
    expect(classifyEnding(anEndedPod({ gateway: bare }), aJob()).message).toBe("Delivered");
  });

  it("is which tasks are missing, which are delivered, where, and why", () => {
    const gateway = { delivery: { ...partly.delivery, result: { pullRequest: { number: 7, url } } } };
    const { message } = classifyEnding(anEndedPod({ gateway, agent: says("AgentTimedOut") }), aJob());
    expect(message).toContain(`(not complete: tasks 3; delivered: tasks 1-2; in ${url}; what is said)`);
    const silent = classifyEnding(anEndedPod({ gateway: { delivery: { outcome: "IncompleteDocs" } } }), aJob());
    expect(silent.message).toContain("Not every task has its documents ()");
  });

  it("is the report of both, the exit code, and when the agent worked", () => {
    const agent = { sessionId: "s", agentVersion: "2" };
    const ending = classifyEnding(anEndedPod({ gateway: { model: "m" }, agent, exitCode: 3 }), aJob());
    expect(ending).toMatchObject({
      exitCode: 3,
      startedAt: startOfRun + 5 * seconds,
      finishedAt: startOfRun + 60 * seconds,
      gateway: { usage: noUsage, model: "m" },
      agent,
    });
  });

  it("does not take the preparation's start for the agent's", () => {
    const ending = classifyEnding(anEndedPod({}, failedPrepare("InvalidInput")), aJob());
    expect(ending).toMatchObject({ exitCode: 1, finishedAt: startOfRun + 60 * seconds });
    expect(ending).not.toHaveProperty("startedAt");
  });

  it("is whether another attempt can help", () => {
    const verdict = { reason: "NodeLost", message: "nothing of its work is kept", final: true } as const;
    const lost = anEndedPod({}, { prepare: exited(1, { message: { version: 1, verdict } }), agent: waiting("") });
    expect(classifyEnding(lost, aJob())).toMatchObject(verdict);
    expect(classifyEnding(anEndedPod({ gateway: says("RateLimited") }), aJob())).not.toHaveProperty("final");
  });

  it("is nothing of a report that is not in form", () => {
    const pod = anEndedPod(
      { exitCode: 1 },
      { gateway: exited(0, { message: '{"version":2}' }), agent: exited(1, { message: "{" }) },
    );
    expect(classifyEnding(pod, aJob())).not.toHaveProperty("gateway");
    expect(classifyEnding(pod, aJob())).not.toHaveProperty("agent");
  });
});
