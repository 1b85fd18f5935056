import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunObject } from "@orchestrator/core";
import { type Answer, type ApiCall, type FaultProxy, isWrite } from "@orchestrator/fault-kit";
import { inject } from "vitest";
import { credentialsOf, startApiProxy } from "../api-proxy.ts";
import { createNamespace } from "../namespace.ts";
import { isIdle, type RunningOperator, startOperator } from "../operator.ts";
import { waitFor } from "../wait.ts";
import { Actor } from "./actor.ts";
import type { Kind } from "./kind.ts";
import type { Scenario } from "./scenario.ts";
import type { World } from "./world.ts";

export interface StageOptions {
  world: World;
  kind: Kind;
  scenario: Scenario;
}

/** What is told of the operator's writes; it hears of each when what is answered here has resolved. */
export interface WriteWatch {
  onRequest?(count: number): void;
  onAnswer?(count: number, answer: Answer): Promise<void> | void;
}

/** A namespace in which one scenario is played again and again, its operator, and the proxy between that and the API server. */
export class Stage implements AsyncDisposable {
  readonly world: World;
  readonly kind: Kind;
  readonly scenario: Scenario;
  readonly namespace: string;
  readonly proxy: FaultProxy;
  readonly #stack: AsyncDisposableStack;
  #operator!: RunningOperator;
  #watch: WriteWatch = {};
  #asked = 0;
  #written = 0;
  #runs = 0;

  private constructor(
    options: StageOptions,
    parts: { namespace: string; proxy: FaultProxy; stack: AsyncDisposableStack },
  ) {
    this.world = options.world;
    this.kind = options.kind;
    this.scenario = options.scenario;
    this.namespace = parts.namespace;
    this.proxy = parts.proxy;
    this.#stack = parts.stack;
  }

  static async start(options: StageOptions): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const { client } = options.world;
    const { name: namespace } = stack.use(await createNamespace(client, "lab"));
    if (options.scenario.noPods === true) await forbidPods(options.world, namespace);
    const { identity } = await credentialsOf(client);
    const taps: { stage?: Stage } = {};
    const proxy = await startApiProxy(client, {
      identity: undefined,
      reader: identity,
      onRequest: (call) => taps.stage?.asked(call),
      onAnswer: async (call, answer) => await taps.stage?.answered(call, answer),
    });
    stack.use(proxy);
    const stage = new Stage(options, { namespace, proxy, stack: stack.move() });
    taps.stage = stage;
    stage.#operator = await startOperator({
      operator: options.kind.operator,
      namespace,
      client,
      server: proxy.url,
      env: {
        LEADER_ELECTION: "false",
        WAITING_NOTICE_AFTER: "1h",
        POD_TEMPLATE: await podTemplate(),
        LOG_LEVEL: "info",
      },
    });
    return stage;
  }

  /** What the operator has written of the run that is being played. */
  get written(): number {
    return this.#written;
  }

  get output(): string {
    const { stdout, stderr } = this.#operator.output;
    return stdout + stderr;
  }

  /** Counts the operator's writes anew. */
  watch(watch: WriteWatch): void {
    this.#watch = watch;
    this.#asked = 0;
    this.#written = 0;
  }

  /** Creates a run of the scenario, and answers who plays the world around it. */
  async apply(how: { hasty: boolean; onAct?: () => void }): Promise<{ run: RunObject; uid: string; actor: Actor }> {
    const { world, kind, scenario, namespace } = this;
    this.#runs += 1;
    const name = `run-${this.#runs}`;
    const { resource } = kind.handler;
    const object = kind.make(namespace, name, scenario.spec);
    const run = await world.client.create(resource, object, { signal: AbortSignal.timeout(30_000) });
    const uid = run.metadata.uid ?? "";
    const actor = new Actor({ world, kind, key: { namespace, name }, uid, ...how });
    return { run, uid, actor };
  }

  /** Waits until the operator has nothing in hand, and so no write of an old run to come. */
  async idle(): Promise<void> {
    await waitFor("the operator to be idle", (signal) => isIdle(this.#operator, signal), { intervalMs: 25 });
  }

  /** SIGKILL; the operator is gone when it resolves. */
  async kill(): Promise<void> {
    await this.#operator.kill();
  }

  async startAgain(): Promise<void> {
    this.#operator = await this.#operator.again();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#operator.kill();
    await this.#stack.disposeAsync();
  }

  private asked(call: ApiCall): void {
    if (!isCounted(call)) return;
    this.#asked += 1;
    this.#watch.onRequest?.(this.#asked);
  }

  private async answered(call: ApiCall, answer: Answer): Promise<void> {
    if (!isCounted(call) || answer.status >= 300) return;
    this.#written += 1;
    await this.#watch.onAnswer?.(this.#written, answer);
  }
}

/** Only the first run of a namespace makes its network policy. */
function isCounted(call: ApiCall): boolean {
  return isWrite(call) && call.resource !== "networkpolicies";
}

async function forbidPods({ client }: World, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const body = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "no-pods" },
    spec: { hard: { pods: "0" } },
  };
  await client.request({ method: "POST", path, body, signal: AbortSignal.timeout(30_000) });
  await waitFor("the quota to be counted", async (signal) => {
    const quota = await client.request<{ status?: { used?: object } }>({
      method: "GET",
      path: `${path}/no-pods`,
      signal,
    });
    return quota.status?.used === undefined ? { pending: quota } : { done: true };
  });
}

/** Keeps the scheduler from the pods of runs: nothing is to be learned from it here. */
export async function podTemplate(): Promise<string> {
  const path = join(await mkdtemp(join(inject("cluster").directory, "pod-template-")), "pod.yaml");
  await writeFile(path, JSON.stringify({ spec: { schedulerName: "played-by-a-test" } }));
  return path;
}
