import type { RunStatus, Usage } from "../api/status.ts";
import { addUsd } from "../prices/cost-usd.ts";
import type { ClusterStep, End, PodEnd, PodStep, UserStep } from "./life-steps.ts";
import { aPod, exited, running, seconds, startOfRun, waiting } from "./observation-samples.ts";
import type { JobView, PodView, RunObject } from "./observation.ts";
import type { Reason } from "./reason.ts";
import { noUsage } from "./round-usage.ts";

export const key = { namespace: "team-a", name: "a-run" };
export const runUid = "run-uid";

export interface ModelPod extends PodView {
  used: Usage;
}

/** A cluster with one run: what is, whatever the operator has seen of it. */
export class LifeCluster {
  now = startOfRun;
  quota = false;
  run: RunObject | undefined;
  /** All that the run has been, the oldest first. */
  readonly history: RunObject[] = [];
  readonly jobs = new Map<string, JobView>();
  readonly pods = new Map<string, ModelPod>();
  /** Pods that are gone, and what they have used. */
  readonly #gone: ModelPod[] = [];
  /** UIDs of the Jobs that have had their pod: it is never replaced. */
  readonly #served = new Set<string>();
  #generation = 1;

  readonly #identity: { namespace: string; name: string; uid: string };
  readonly #versions: { newest: number };

  /** @param options `versions` is shared by the runs of one API server. */
  constructor(
    spec: Record<string, unknown>,
    options: { name?: string; uid?: string; versions?: { newest: number } } = {},
  ) {
    const { name = key.name, uid = runUid, versions = { newest: 0 } } = options;
    this.#identity = { ...key, name, uid };
    this.#versions = versions;
    this.#write(spec, { phase: "Pending" });
  }

  get status(): RunStatus {
    return this.run?.status ?? { phase: "Pending" };
  }

  writeStatus(status: RunStatus): RunObject {
    return this.#write(this.run?.spec, status);
  }

  #write(spec: unknown, status: RunStatus): RunObject {
    this.#versions.newest += 1;
    const versions = { resourceVersion: String(this.#versions.newest), generation: this.#generation };
    this.run = {
      apiVersion: "orchestrator.io/v1",
      kind: "ReviewRun",
      metadata: { ...this.#identity, creationTimestamp: "2026-01-01T00:00:00Z", ...versions },
      spec,
      status,
    };
    this.history.push(this.run);
    return this.run;
  }

  act(step: ClusterStep): void {
    switch (step.type) {
      case "quota":
        this.quota = step.forbids;
        return;
      case "controllers act":
        return this.control();
    }
  }

  /** The Job controller and the garbage collector. */
  control(): void {
    for (const job of this.jobs.values()) this.#serve(job);
    for (const pod of this.pods.values()) {
      if (this.jobs.has(pod.jobName)) continue;
      if (pod.ended) this.#remove(pod);
      else if (pod.deletion === undefined) this.deletePod(pod);
    }
  }

  #serve(job: JobView): void {
    if (job.finishedAt !== undefined) return;
    const pod = [...this.pods.values()].find(({ jobName }) => jobName === job.name);
    if (pod === undefined && !this.#served.has(job.uid)) return this.#addPod(job);
    if (pod === undefined || pod.ended) this.jobs.set(job.name, { ...job, finishedAt: this.now });
  }

  #addPod({ name: jobName, uid, round, runName, runUid: owner, claim }: JobView): void {
    this.#served.add(uid);
    const name = `${jobName}-x`;
    const of = { jobName, round, runName, runUid: owner, ...(claim !== undefined && { claim }) };
    const { node: _, ...pod } = aPod({ name, uid: `${uid}-pod`, createdAt: this.now, ...of });
    this.pods.set(name, { ...pod, used: noUsage });
  }

  befall(step: PodStep): void {
    const pod = [...this.pods.values()].findLast(({ ended }) => !ended);
    if (pod === undefined) return;
    switch (step.type) {
      case "pod is scheduled":
        return this.put(pod, { node: "node-1" });
      case "pod finds no node":
        return pod.node === undefined ? this.put(pod, { unschedulable: "no room" }) : undefined;
      case "agent starts":
        return pod.agent.type === "absent" ? this.startAgent(pod) : undefined;
      case "pod is evicted":
        return this.put(pod, { ...this.#ended(pod), disruption: { reason: "EvictionByEvictionAPI", message: "" } });
      case "node is lost":
        return this.deletePod(pod);
      case "pod is gone":
        return pod.deletion === undefined ? undefined : this.#remove(pod);
      case "pod ends":
        return this.endPod(pod, step);
    }
  }

  startAgent(pod: ModelPod): void {
    const started = running(this.now);
    this.put(pod, { node: "node-1", gateway: started, prepare: exited(0), agent: started });
  }

  endPod(pod: ModelPod, { end, resumable, knowsRound }: PodEnd): void {
    if (pod.agent.type === "absent") {
      const message = { version: 1, verdict: { reason: "RepositoryUnreachable", message: "no way there" } };
      return this.put(pod, { ...this.#ended(pod), prepare: exited(1, { message, finishedAt: this.now }) });
    }
    const used = usageOf(2);
    this.put(pod, { ...this.#ended(pod), used });
    if (end === "without a word") return;
    const told = {
      version: 1,
      usage: used,
      ...words[end],
      ...(resumable !== undefined && { resumable }),
      ...(knowsRound && { roundUsage: usageOf(this.#turnsOf(pod.round)) }),
    };
    const gateway = exited(0, { message: told, finishedAt: this.now });
    this.put(pod, { gateway, reason: pod.stopAsked ? "DeadlineExceeded" : "" });
  }

  /** Of all pods of a round, whether or not they could tell. */
  #turnsOf(round: number): number {
    return [...this.#gone, ...this.pods.values()]
      .filter((pod) => pod.round === round)
      .reduce((sum, { used }) => sum + used.turns, 0);
  }

  #ended(pod: PodView): Partial<PodView> {
    const agent = pod.agent.type === "absent" ? waiting("PodInitializing") : exited(1, { finishedAt: this.now });
    return { ended: true, gateway: exited(0, { finishedAt: this.now }), agent };
  }

  deletePod(pod: ModelPod): void {
    this.put(pod, { deletion: { requestedAt: this.now, dueAt: this.now + 90 * seconds } });
  }

  #remove(pod: ModelPod): void {
    this.#gone.push(pod);
    this.pods.delete(pod.name);
  }

  put(pod: ModelPod, changes: Partial<ModelPod>): void {
    this.pods.set(pod.name, { ...(this.pods.get(pod.name) ?? pod), ...changes });
  }

  obey(step: UserStep): void {
    switch (step.type) {
      case "user edits":
        return this.#edit(({ cancel }) => ({ ...step.spec, ...(cancel === true && { cancel }) }));
      case "user asks for a new round":
        return this.#edit(({ contextVersion = 1 }) => ({ cancel: false, contextVersion: Number(contextVersion) + 1 }));
      case "user deletes the Job":
        return this.jobs.clear();
      case "user deletes the pod":
        for (const pod of this.pods.values()) if (!pod.ended) this.deletePod(pod);
    }
  }

  #edit(changes: (spec: Record<string, unknown>) => Record<string, unknown>): void {
    if (this.run === undefined) return;
    const spec = this.run.spec as Record<string, unknown>;
    this.#generation += 1;
    this.#write({ ...spec, ...changes(spec) }, this.status);
  }
}

/** Every answer of the model costs the same here. */
function usageOf(turns: number): Usage {
  return { ...noUsage, turns, costUsd: costOf(turns) };
}

export function costOf(turns: number): string {
  return addUsd(Array.from({ length: turns }, () => "0.05"));
}

const says = (reason: Reason, more = {}) => ({ verdict: { reason, message: `it says ${reason}`, ...more } });
const words = {
  Delivered: { delivery: { outcome: "Delivered" } },
  AgentError: says("AgentError"),
  Stalled: says("Stalled"),
  InvalidInput: says("InvalidInput"),
  RateLimited: { ...says("RateLimited"), retryAfterSeconds: 120 },
  ModelOverloaded: says("ModelOverloaded"),
  "lost for good": says("NodeLost", { final: true }),
} as const satisfies Record<Exclude<End, "without a word">, object>;
