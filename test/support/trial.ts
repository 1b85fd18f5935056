import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Job, type KubernetesObject, type ResourceType, resources } from "@orchestrator/controller-runtime";
import type { RunObject, RunStatus } from "@orchestrator/core";
import { FaultProxy, isWrite, type Tap } from "@orchestrator/fault-kit";
import { inject } from "vitest";
import { backlog } from "./backlog.ts";
import { isIdle, type OperatorName, type RunningOperator } from "./operator.ts";
import { RunHistory } from "./run-history.ts";
import { docsRuns, implementationRuns } from "./runs.ts";
import { startTlsProxy } from "./tls-proxy.ts";
import { type Probe, waitFor } from "./wait.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

export interface TrialOptions {
  /** Its node, forge and model are used. */
  bench: Workbench;
  operator: OperatorName;
  /** Called at the operator's n-th write, which it hears of when this has resolved. */
  onWrite?: (count: number) => unknown;
  /** Between the run's pod and the model. */
  model?: Tap;
  /** Between the run's pod and the forge. */
  forge?: Tap;
}

/** What a run has left behind, such that it equals that of every other run of the kind that went as well. */
export interface Outcome {
  /** The final status; where it is Succeeded, what differs from run to run stands as `(given)`. */
  status: object;
  /** Where the status went back, or changed after the end. */
  setbacks: string[];
  /** How many the API server let the operator create, in all its lives. */
  created: { jobs: number; configMaps: number };
  /** Those that are there when all is over. */
  jobs: string[];
  pods: string[];
  pullRequests: string[];
  /** How often the model was asked about the run's task. */
  modelRequests: number;
  /** Events of the run that were recorded more than once. */
  repeatedEvents: string[];
  /** What the run's end was told by. */
  endEvents: string[];
}

/** What an {@link Outcome} holds when all went well, to be matched. */
export const normalOutcome = {
  status: { phase: "Succeeded", attempts: [{ number: 1, outcome: "Succeeded", reason: "Delivered" }] },
  setbacks: [],
  created: { jobs: 1, configMaps: 1 },
  jobs: ["Complete"],
  pods: ["Succeeded"],
  pullRequests: ["open"],
  repeatedEvents: [],
  endEvents: ["Succeeded"],
} as const satisfies Partial<Outcome>;

interface Parts {
  /** The trial's own namespace. */
  bench: Workbench;
  type: ResourceType<RunObject>;
  run: RunObject;
  taskTitle: string;
  history: RunHistory;
  /** What the operator has written in all its lives, Leases left out: `POST jobs`, `PATCH docsgenerationruns/status`. */
  writes: readonly string[];
  stack: AsyncDisposableStack;
}

const waitMs = 120_000;

/** One run of one task in a namespace of its own, and its operator, which can be killed and started again. */
export class Trial implements AsyncDisposable {
  readonly #parts: Parts;
  #operator: RunningOperator;
  #killed = false;

  private constructor(parts: Parts, operator: RunningOperator) {
    this.#parts = parts;
    this.#operator = operator;
    parts.stack.defer(async () => void (await this.#operator.kill()));
  }

  static async start(options: TrialOptions): Promise<Trial> {
    const stack = new AsyncDisposableStack();
    try {
      const bench = stack.use(await startWorkbench("trial", { beside: options.bench }));
      // Of one length, so that what the model writes is the same in every trial.
      const taskTitle = `Task ${randomBytes(4).toString("hex")}`;
      const repository = await tappedRepository(bench, backlog([{ id: 1, title: taskTitle }]), options.forge, stack);
      const docs = options.operator === "docs-generation-operator";
      const type = docs ? docsRuns : implementationRuns;
      const run = docs ? bench.docs("run", { repository }) : bench.implementation("run", { repository });
      const history = stack.use(new RunHistory(bench.client, type, bench));
      const writes: string[] = [];
      const proxy = stack.use(await proxyOfWrites(writes, options.onWrite));
      const model = stack.use(await startTlsProxy({ ...options.model, target: bench.model.url }));
      const env = { WAITING_NOTICE_AFTER: "1h", MODEL_BASE_URL: model.url };
      const operator = await bench.operator(options.operator, { server: proxy.url, env });
      return new Trial({ bench, type, run, taskTitle, history, writes, stack }, operator);
    } catch (error) {
      await stack.disposeAsync();
      throw error;
    }
  }

  /** What the operator has written, in all its lives. */
  get writes(): readonly string[] {
    return this.#parts.writes;
  }

  async apply(): Promise<void> {
    const { bench, type, run } = this.#parts;
    await bench.client.create(type, run, { signal: AbortSignal.timeout(waitMs) });
  }

  /** SIGKILL; the operator is gone when it resolves. */
  async kill(): Promise<void> {
    await this.#operator.kill();
    this.#killed = true;
  }

  /** Waits until a tap has killed the operator. */
  async untilKilled(): Promise<void> {
    await this.#wait("to be killed", async () => {
      const { last } = this.#parts.history;
      return this.#killed ? { done: true } : { pending: { writes: this.writes, last } };
    });
  }

  async startAgain(): Promise<void> {
    this.#operator = await this.#operator.again();
  }

  /** Waits until the run's Job has ended, which needs no operator. */
  async untilJobIsOver(): Promise<void> {
    await this.#wait("to have a Job that is over", async () => {
      const jobs = (await this.#list(resources.jobs)).map(stateOf);
      return jobs.length > 0 && !jobs.includes("live") ? { done: true } : { pending: jobs };
    });
  }

  /** Waits until the run has ended and its operator has nothing left to do. */
  async outcome(): Promise<Outcome> {
    const { bench, run, history, taskTitle } = this.#parts;
    await this.#wait("to end", async () => (history.ended ? { done: true } : { pending: history.last }));
    await this.untilJobIsOver();
    await this.#wait("to have an idle operator", async (signal) => await isIdle(this.#operator, signal));
    await history.caughtUp();
    const created = (resource: string): number => this.writes.filter((write) => write === `POST ${resource}`).length;
    const events = (await this.#list(resources.events)).filter(({ regarding }) => regarding.kind === run.kind);
    const told = events.map(({ reason }) => reason);
    return {
      status: withoutIdentity(history.last),
      setbacks: history.setbacks,
      created: { jobs: created("jobs"), configMaps: created("configmaps") },
      jobs: (await this.#list(resources.jobs)).map(stateOf),
      pods: (await this.#list(resources.pods)).map(({ status }) => status?.phase ?? "no phase"),
      pullRequests: bench.forge.pullRequests(bench.namespace).map(({ state }) => state),
      modelRequests: bench.model.requests().byTask[taskTitle] ?? 0,
      repeatedEvents: repeated(told),
      // That the agent works nobody tells whose operator was away meanwhile.
      endEvents: told.filter((reason) => reason !== "Started"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.stack.disposeAsync();
  }

  async #list<T extends KubernetesObject>(type: ResourceType<T>): Promise<T[]> {
    const { client, namespace } = this.#parts.bench;
    return (await client.list(type, { namespace, signal: AbortSignal.timeout(waitMs) })).items;
  }

  async #wait(what: string, probe: (signal: AbortSignal) => Promise<Probe<unknown>>): Promise<void> {
    const { kind } = this.#parts.run;
    await waitFor(`the ${kind} of ${this.#parts.bench.namespace} ${what}`, probe);
  }
}

/** A proxy before the API server that notes each write when it has become true, before the operator hears of it. */
async function proxyOfWrites(writes: string[], onWrite: TrialOptions["onWrite"]): Promise<FaultProxy> {
  const { server, caFile } = inject("cluster");
  return await FaultProxy.start({
    target: server,
    ca: await readFile(caFile, "utf8"),
    async onAnswer(call, { status }) {
      if (!isWrite(call) || call.resource === "leases" || status >= 300) return;
      writes.push(`${call.method} ${call.resource}`);
      await onWrite?.(writes.length);
    },
  });
}

/** A repository named as the trial's namespace, reached through a tap. */
async function tappedRepository(
  bench: Workbench,
  files: Record<string, string>,
  tap: Tap | undefined,
  stack: AsyncDisposableStack,
) {
  const { url } = stack.use(await startTlsProxy({ ...tap, target: bench.forge.url }));
  const tapped = (address: string): string => address.replace(bench.forge.url, url);
  const repository = await bench.repository(bench.namespace, files);
  await bench.secret("tapped-forge", { token: bench.forge.token, host: new URL(url).host });
  return {
    ...repository,
    url: tapped(repository.url),
    apiUrl: tapped(repository.apiUrl),
    secretRef: { name: "tapped-forge" },
  };
}

function stateOf({ status }: Job): string {
  return (
    status?.conditions?.find(({ type, status: is }) => /^(Complete|Failed)$/.test(type) && is === "True")?.type ??
    "live"
  );
}

const identities: ReadonlySet<string> = new Set([
  "startTime",
  "completionTime",
  "startedAt",
  "finishedAt",
  "lastTransitionTime",
  "message",
  "jobName",
  "sessionId",
  "branch",
  "baseCommit",
  "commit",
  "url",
  "settingsHash",
  "promptHash",
]);

/** A status of success in which nothing tells it from that of another run; any other status as it is, to be read. */
function withoutIdentity(status: Partial<RunStatus>): object {
  if (status.phase !== "Succeeded") return status;
  const text = JSON.stringify(status, (key, value: unknown) => (identities.has(key) ? "(given)" : value));
  return JSON.parse(text) as object;
}

function repeated(values: string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}
