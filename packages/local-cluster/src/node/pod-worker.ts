import { join } from "node:path";
import { type Condition, isApiError, resources } from "@orchestrator/controller-runtime";
import { logFile, type StartedContainer, startContainer } from "./container-start.ts";
import { ContainerBlocked } from "./environment.ts";
import { isStableRun, retryDelay } from "./lifecycle/back-off.ts";
import { type ContainerRecord, type Exit, lastExit, runIndex } from "./lifecycle/container-record.ts";
import { lostExit } from "./lifecycle/container-status.ts";
import {
  type Action,
  type Ending,
  nextStep,
  type Observation,
  recordOf,
  type Step,
  type VolumeState,
} from "./lifecycle/pod-lifecycle.ts";
import { podStatus } from "./lifecycle/pod-status.ts";
import { restorePod } from "./lifecycle/restore.ts";
import type { ContainerLog } from "./logs/container-log.ts";
import type { LogSource } from "./logs/log-reader.ts";
import type { NodeContext } from "./node-context.ts";
import { allContainers, type Container, type Pod } from "./pod.ts";
import { type ProbeListener, probeContainer } from "./probes/prober.ts";
import { removeFolder } from "./remove-folder.ts";
import { CommandMissing, SandboxFailed } from "./sandbox/sandbox-error.ts";
import { PodVolumes } from "./volumes/pod-volumes.ts";
import { WakeUp } from "./wake-up.ts";

const reportRetryMs = 1_000;

interface RunningContainer extends StartedContainer {
  cancelKill?: () => void;
  probes: AbortController;
}

/** Runs one pod: observes, decides, acts and reports, until the pod's object is gone. */
export class PodWorker {
  readonly #context: NodeContext;
  readonly #directory: string;
  readonly #volumes: PodVolumes;
  readonly #records: Map<string, ContainerRecord>;
  readonly #running = new Map<string, RunningContainer>();
  readonly #logs = new Map<string, ContainerLog>();
  readonly #effects = new Set<Promise<void>>();
  readonly #wakeUp = new WakeUp();
  readonly #stop = new AbortController();
  readonly #startTime: number;
  #pod: Pod;
  #volumeState: VolumeState = { type: "pending" };
  #ending: Ending | undefined;
  /** The pod's last status stands in its object. */
  #settled: boolean;
  #gone = false;
  #reported = "";
  #conditions: Condition[] | undefined;

  constructor(pod: Pod, context: NodeContext) {
    const now = context.clock.now();
    const { phase, startTime } = pod.status ?? {};
    const restored = restorePod(pod, now);
    this.#pod = pod;
    this.#context = context;
    this.#records = restored.containers;
    this.#ending = restored.ending;
    this.#settled = phase === "Succeeded" || phase === "Failed";
    this.#startTime = startTime === undefined ? now : Date.parse(startTime);
    this.#directory = join(context.podsDirectory, pod.metadata.uid ?? "");
    this.#volumes = new PodVolumes({
      directory: join(this.#directory, "volumes"),
      sources: context.sources,
      allocatable: context.allocatable,
    });
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** The pod's object has changed. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.#wakeUp.ring();
  }

  /** The pod's object is gone: everything of it ends at once. */
  vanish(): void {
    this.#gone = true;
    this.#wakeUp.ring();
  }

  /** Resolves when nothing of the pod is left. When the signal aborts, its processes are killed and the rest stays. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!this.#gone && !signal.aborted) {
        const { clock } = this.#context;
        const step = this.#advance();
        const told = await this.#tell(step, signal);
        const until = told ? step.wakeAt : clock.now() + reportRetryMs;
        if (!this.#gone) await this.#wakeUp.wait({ clock, until, signal });
      }
    } finally {
      await this.#end();
    }
    if (!signal.aborted) await this.#removeFolders();
  }

  /** Brings volumes that are made of objects up to date. */
  async refreshVolumes(signal: AbortSignal): Promise<void> {
    if (this.#volumeState.type !== "ready" || this.#ending !== undefined || this.#stop.signal.aborted) return;
    const either = AbortSignal.any([signal, this.#stop.signal]);
    await this.#volumes.prepare(this.#pod, { now: this.#context.clock.now(), signal: either });
  }

  /** The log of the newest run of a container, or the one before; or why there is none. */
  log(name: string, previous: boolean): LogSource | { problem: string } {
    const record = this.#records.get(name);
    const pod = this.#pod.metadata.name;
    if (record === undefined) return { problem: `container ${name} is not valid for pod ${pod}` };
    const index = runIndex(record) - (previous ? 1 : 0);
    if (previous && (index < 0 || record.runs + record.earlierRuns < 2)) {
      return { problem: `previous terminated container "${name}" in pod "${pod}" not found` };
    }
    if (record.runs + record.earlierRuns === 0) {
      const reason = record.state.type === "blocked" ? record.state.reason : "PodInitializing";
      return { problem: `container "${name}" in pod "${pod}" is waiting to start: ${reason}` };
    }
    const live = this.#logs.get(`${name}/${index}`);
    return { path: logFile(this.#containerDirectory(name), index), ...(live === undefined ? {} : { live }) };
  }

  /** Decides and begins what is to be done; nothing of it is waited for. */
  #advance(): Step {
    if (this.#settled) return { actions: [], finished: true };
    const step = nextStep(this.#pod, this.#observe());
    this.#ending = step.ending;
    for (const action of step.actions) this.#apply(action);
    return step;
  }

  #observe(): Observation {
    return {
      now: this.#context.clock.now(),
      startTime: this.#startTime,
      containers: this.#records,
      volumes: this.#volumeState,
      ending: this.#ending,
      crashBackOff: this.#context.settings.crashBackOff,
    };
  }

  #apply(action: Action): void {
    switch (action.type) {
      case "prepareVolumes":
        return this.#track(this.#prepareVolumes());
      case "start":
        return this.#track(this.#start(this.#container(action.container)));
      case "stop":
        return this.#stopContainer(action.container, action.killAt);
    }
  }

  #track(effect: Promise<void>): void {
    const tracked = effect
      .catch((err: unknown) => {
        if (!this.#stop.signal.aborted) this.#context.logger.error({ err, ...this.#name() }, "pod not handled");
      })
      .finally(() => {
        this.#effects.delete(tracked);
        this.#wakeUp.ring();
      });
    this.#effects.add(tracked);
  }

  async #prepareVolumes(): Promise<void> {
    const { clock, settings, events } = this.#context;
    const before = this.#volumeState;
    this.#volumeState =
      before.type === "failed" ? { type: "preparing", message: before.message } : { type: "preparing" };
    try {
      await this.#volumes.prepare(this.#pod, { now: clock.now(), signal: this.#stop.signal });
      this.#volumeState = { type: "ready" };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#volumeState = { type: "failed", message, retryAt: clock.now() + settings.retryMs };
      events.tell(this.#pod, { reason: "FailedMount", action: "Mounting", note: message }, this.#stop.signal);
    }
  }

  async #start(container: Container): Promise<void> {
    const record = recordOf(this.#records, container.name);
    const blocked = record.state.type === "blocked" ? record.state : undefined;
    const last = lastExit(record);
    if (last !== undefined) record.last = last;
    record.state = blocked === undefined ? { type: "starting" } : { type: "starting", after: reasonOf(blocked) };
    const index = record.earlierRuns + record.runs;
    try {
      const started = await startContainer(
        {
          pod: this.#pod,
          container,
          index,
          directory: this.#containerDirectory(container.name),
          volumes: this.#volumes,
          context: this.#context,
          signal: this.#stop.signal,
        },
        (log) => this.#logs.set(`${container.name}/${index}`, log),
      );
      record.runs += 1;
      this.#watch(container, record, started);
    } catch (error) {
      this.#notStarted(container, record, { error, tries: blocked?.tries ?? 0 });
    }
  }

  #notStarted(
    container: Container,
    record: ContainerRecord,
    { error, tries }: { error: unknown; tries: number },
  ): void {
    const { clock, settings, events } = this.#context;
    const message = error instanceof Error ? error.message : String(error);
    const now = clock.now();
    events.tell(this.#pod, { reason: "Failed", action: "Starting", note: message }, this.#stop.signal);
    if (error instanceof CommandMissing || error instanceof SandboxFailed) {
      record.runs += 1;
      const text = `failed to create containerd task: failed to start container "${container.name}": ${message}`;
      const exit: Exit = { startedAt: 0, finishedAt: now, exitCode: 128, reason: "StartError", message: text };
      return this.#exited(record, exit);
    }
    const reason = error instanceof ContainerBlocked ? error.reason : "CreateContainerError";
    record.state = { type: "blocked", reason, message, tries: tries + 1, retryAt: now + settings.retryMs };
    if (reason !== "ErrImagePull" || tries === 0) return;
    record.state.reason = "ImagePullBackOff";
    record.state.message = `Back-off pulling image "${container.image ?? ""}": ErrImagePull: ${message}`;
    record.state.retryAt = now + retryDelay(tries, settings.crashBackOff);
  }

  #watch(container: Container, record: ContainerRecord, started: StartedContainer): void {
    const running: RunningContainer = { ...started, probes: new AbortController() };
    this.#running.set(container.name, running);
    const { id: containerId, startedAt } = started;
    record.state = { type: "running", containerId, startedAt, started: false, ready: false };
    this.#track(this.#probe(container, record, running));
    this.#track(
      this.#exitOf(container, started).then((exit) => {
        running.probes.abort();
        running.cancelKill?.();
        this.#running.delete(container.name);
        this.#exited(record, exit);
      }),
    );
  }

  /** How a container ended; never rejects, for a pod must end also where that cannot be told. */
  async #exitOf({ name }: Container, { id, startedAt, ended }: StartedContainer): Promise<Exit> {
    try {
      return await ended;
    } catch (err) {
      this.#context.logger.error({ err, ...this.#name(), container: name }, "end of a container not known");
      return { ...lostExit, containerId: id, startedAt, finishedAt: this.#context.clock.now() };
    }
  }

  async #probe(container: Container, record: ContainerRecord, { sandbox, probes }: RunningContainer): Promise<void> {
    const { signal } = probes;
    const { clock } = this.#context;
    const listener = this.#probeListener(container, record);
    try {
      await probeContainer({ container, sandbox, listener, clock, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #probeListener(container: Container, record: ContainerRecord): ProbeListener {
    const change = (apply: (state: Extract<ContainerRecord["state"], { type: "running" }>) => void): void => {
      if (record.state.type === "running") apply(record.state);
      this.#wakeUp.ring();
    };
    return {
      started: () => change((state) => void (state.started = true)),
      ready: (ready) => change((state) => void (state.ready = ready)),
      condemned: (probe) =>
        change((state) => {
          const { terminationGracePeriodSeconds } = this.#pod.spec;
          const graceSeconds = probe.terminationGracePeriodSeconds ?? terminationGracePeriodSeconds ?? 30;
          state.condemned = { graceSeconds };
        }),
      unhealthy: (kind, output) => {
        const title = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
        const note = `${title} probe of container ${container.name} failed: ${output.trim()}`;
        this.#context.events.tell(this.#pod, { reason: "Unhealthy", action: "Probing", note }, this.#stop.signal);
      },
    };
  }

  #exited(record: ContainerRecord, exit: Exit): void {
    const stable = isStableRun(exit.finishedAt - exit.startedAt, this.#context.settings.crashBackOff);
    record.crashes = stable && exit.startedAt > 0 ? 1 : record.crashes + 1;
    record.state = { type: "exited", exit };
  }

  #stopContainer(name: string, killAt: number): void {
    const record = recordOf(this.#records, name);
    const running = this.#running.get(name);
    if (running === undefined || record.state.type !== "running") return;
    const { clock } = this.#context;
    if (record.state.killAt === undefined) running.sandbox.signal("SIGTERM");
    record.state.killAt = killAt;
    running.cancelKill?.();
    running.cancelKill = clock.schedule(Math.max(0, killAt - clock.now()), () => running.sandbox.kill());
  }

  /** Tells the API server how things stand; false when that has to be tried again. */
  async #tell(step: Step, signal: AbortSignal): Promise<boolean> {
    try {
      if (!this.#settled) await this.#report(step, signal);
      if (step.finished) await this.#finish(signal);
      return true;
    } catch (err) {
      if (isApiError(err, "NotFound")) {
        this.#gone = true;
        return true;
      }
      if (!signal.aborted) this.#context.logger.warn({ err, ...this.#name() }, "pod not reported, trying again");
      return false;
    }
  }

  /** Writes the pod's status when it has changed. */
  async #report(step: Step, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid } = this.#pod.metadata;
    const conditions = this.#conditions ?? this.#pod.status?.conditions ?? [];
    const status = podStatus(this.#pod, this.#observe(), { ...step, conditions });
    const text = JSON.stringify(status);
    if (text !== this.#reported) {
      const options = { type: "strategic", subresource: "status", signal } as const;
      const patch = {
        metadata: { uid },
        status: { ...status, conditions: (status.conditions ?? []).map(withoutRest) },
      };
      await this.#context.client.patch(resources.pods, { namespace, name }, patch, options);
      this.#reported = text;
      this.#conditions = status.conditions;
    }
    this.#settled = step.finished;
  }

  /** Cleans up behind a pod that has ended, and deletes its object when that is asked for. */
  async #finish(signal: AbortSignal): Promise<void> {
    const { name, namespace, uid, deletionTimestamp } = this.#pod.metadata;
    await this.#volumes.remove();
    if (deletionTimestamp === undefined) return;
    await this.#removeFolders();
    await this.#context.client.delete(resources.pods, { namespace, name }, { uid, gracePeriodSeconds: 0, signal });
    this.#gone = true;
  }

  /** The volumes first: they may be just being brought up to date. */
  async #removeFolders(): Promise<void> {
    await this.#volumes.remove();
    await removeFolder(this.#directory);
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    for (const { sandbox, probes, cancelKill } of this.#running.values()) {
      cancelKill?.();
      probes.abort();
      sandbox.kill();
    }
    while (this.#effects.size > 0) {
      for (const { sandbox } of this.#running.values()) sandbox.kill();
      await Promise.all(this.#effects);
    }
    this.#context.events.forget(this.#pod.metadata.uid ?? "");
  }

  #container(name: string): Container {
    const container = allContainers(this.#pod).find((one) => one.name === name);
    if (container === undefined) throw new Error(`pod ${this.#pod.metadata.name} has no container ${name}`);
    return container;
  }

  #containerDirectory(name: string): string {
    return join(this.#directory, name);
  }

  #name(): { namespace: string | undefined; pod: string } {
    return { namespace: this.#pod.metadata.namespace, pod: this.#pod.metadata.name };
  }
}

/** A merge would keep an earlier reason or message. */
function withoutRest(condition: Condition): object {
  return { reason: null, message: null, ...condition };
}

function reasonOf({ reason, message }: { reason: string; message: string }): { reason: string; message: string } {
  return { reason, message };
}
