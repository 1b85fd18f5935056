import { resources } from "@orchestrator/controller-runtime";
import { isTerminal, labels, liveAmong, managedBy } from "@orchestrator/core";
import { describeFault, drawPlan } from "@orchestrator/fault-kit";
import fc from "fast-check";
import { createNamespace, type TestNamespace } from "../namespace.ts";
import { waitFor } from "../wait.ts";
import { Actor } from "./actor.ts";
import { judge } from "./judge.ts";
import { type KindName, type Kind, kinds } from "./kind.ts";
import { Replica, type Sample } from "./replica.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import type { World } from "./world.ts";

/** What befalls one of an operator's two processes. */
export const blows = ["killed", "paused", "cut off", "stopped"] as const;
export type Blow = (typeof blows)[number];

export interface SoakOptions {
  world: World;
  kind: KindName;
  seed: number;
  runs: number;
  /** Runs at once. */
  atOnce: number;
  /** From this part of the runs on no process is struck any more, so that one lives long enough to be measured. */
  calmFrom: number;
  onProgress?: (line: string) => void;
}

export interface SoakReport {
  kind: KindName;
  runs: number;
  attempts: number;
  blows: Record<Blow, number>;
  /** Faults of the plans that came true, by type. */
  faults: Map<string, number>;
  /** How often the processes were started. */
  lives: number;
  leaderChanges: number;
  failures: string[];
  /** In the calm: of both processes, at its begin and at its end. */
  samples: { begin: Sample[]; end: Sample[] };
  seconds: number;
}

/** Longer than a lease. */
const absenceMs = 6_000;
/** In runs that have ended. */
const betweenBlows = 60;

/** Lets many runs of a kind live at once, while faults befall requests and blows its operator's two processes. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { world, seed } = options;
  const kind = kinds[options.kind];
  await using namespace = await createNamespace(world.client, `soak-${kind.name}`);
  await using first = await startReplica(options, kind, namespace.name, seed * 2);
  await using second = await startReplica(options, kind, namespace.name, seed * 2 + 1);
  const soaking = new Soaking(options, kind, namespace, [first, second]);
  return await soaking.run();
}

async function startReplica(
  { world, runs }: SoakOptions,
  kind: Kind,
  namespace: string,
  seed: number,
): Promise<Replica> {
  const { plural } = kind.handler.resource;
  const writes = drawPlan(seed, {
    resources: { create: ["configmaps", "jobs", "events"], patch: [`${plural}/status`], delete: ["jobs"] },
    faults: Math.ceil(runs / 10),
    lastNth: runs,
  });
  const reads = drawPlan(seed, {
    resources: { watch: [plural, "jobs", "pods"], list: [plural, "jobs", "pods"], get: ["configmaps", "jobs"] },
    faults: 120,
    lastNth: 60,
    lastLine: 500,
  });
  return await Replica.start({ world, operator: kind.operator, namespace, plan: [...writes, ...reads] });
}

class Soaking {
  readonly #options: SoakOptions;
  readonly #kind: Kind;
  readonly #namespace: TestNamespace;
  readonly #replicas: readonly Replica[];
  readonly #lives: readonly Scenario[];
  readonly #struck: Record<Blow, number> = { killed: 0, paused: 0, "cut off": 0, stopped: 0 };
  readonly #failures: string[] = [];
  readonly #samples: SoakReport["samples"] = { begin: [], end: [] };
  #blows: Promise<void> = Promise.resolve();
  #begun = 0;
  #over = 0;
  #attempts = 0;

  constructor(options: SoakOptions, kind: Kind, namespace: TestNamespace, replicas: readonly Replica[]) {
    this.#options = options;
    this.#kind = kind;
    this.#namespace = namespace;
    this.#replicas = replicas;
    this.#lives = drawLives(options);
  }

  async run(): Promise<SoakReport> {
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: this.#options.atOnce }, () => this.#work()));
    await this.#blows;
    this.#samples.end = await this.#sample();
    const leaderChanges = await this.#leaderChanges();
    await this.#checkEnd();
    if (this.#failures.length > 0) this.#tellFaults();
    const { kind, runs } = this.#options;
    return {
      kind,
      runs,
      attempts: this.#attempts,
      blows: this.#struck,
      faults: countFaults(this.#replicas),
      lives: this.#replicas.reduce((sum, { lives }) => sum + lives, 0),
      leaderChanges,
      failures: this.#failures,
      samples: this.#samples,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    };
  }

  #fail(what: string): void {
    const failure = `${this.#kind.name}: ${what}`;
    this.#failures.push(failure);
    this.#options.onProgress?.(`FAILED ${failure}`);
  }

  #tellFaults(): void {
    for (const [index, { proxy }] of this.#replicas.entries()) {
      for (const fault of proxy.met) this.#options.onProgress?.(`met by process ${index + 1}: ${describeFault(fault)}`);
    }
  }

  async #work(): Promise<void> {
    for (let scenario = this.#next(); scenario !== undefined; scenario = this.#next()) {
      const name = `run-${this.#begun}`;
      try {
        await this.#live(name, scenario);
      } catch (error) {
        this.#fail(`${scenario.name} (${name}): ${(error as Error).message}`);
      }
      this.#count();
    }
  }

  #next(): Scenario | undefined {
    const scenario = this.#lives[this.#begun];
    this.#begun += 1;
    return scenario;
  }

  /** One run from its creation until nothing of it is left. */
  async #live(name: string, scenario: Scenario): Promise<void> {
    const { world } = this.#options;
    const kind = this.#kind;
    const key = { namespace: this.#namespace.name, name };
    const { resource, defaults } = kind.handler;
    const run = await world.client.create(resource, kind.make(key.namespace, name, scenario.spec), { signal: soon() });
    const uid = run.metadata.uid ?? "";
    await new Actor({ world, kind, key, uid }).played(scenario);
    const { end } = scenario;
    if (end.type === "ended") {
      const reason = await world.until(uid, `${name} (${scenario.name}) to end, with its Jobs`, (record) => {
        const { status } = record.run ?? {};
        const open = liveAmong([...record.jobs.values()], [...record.pods.values()]).length > 0;
        const over = status !== undefined && isTerminal(status) && (status.round ?? 1) === end.round && !open;
        return over ? status.conditions?.find(({ type }) => type === "Succeeded")?.reason : undefined;
      });
      if (reason !== end.reason) this.#fail(`${scenario.name} (${name}): ended as ${reason}`);
      await world.client.delete(resource, key, { uid, propagationPolicy: "Background", signal: soon() });
    }
    await world.until(
      uid,
      `nothing of ${name} (${scenario.name}) to be left`,
      ({ run: left, jobs, pods, configMaps }) =>
        left === undefined && jobs.size + pods.size + configMaps.size === 0 ? true : undefined,
    );
    const record = world.of(uid);
    for (const what of judge(record, defaults)) this.#fail(`${scenario.name} (${name}): ${what}`);
    this.#attempts += new Set(record.sightings.flatMap((one) => (one.kind === "job" ? [one.job.name] : []))).size;
    world.forget(uid);
  }

  #count(): void {
    const { runs, calmFrom, onProgress } = this.#options;
    this.#over += 1;
    const calm = Math.floor(runs * calmFrom);
    // What the last blow left behind has settled by then.
    if (this.#over === calm + Math.floor((runs - calm) / 4)) void this.#keepFirstSample();
    if (this.#over % betweenBlows !== 0) return;
    onProgress?.(`${this.#kind.name}: ${this.#over} of ${runs} runs are over, ${this.#failures.length} failures`);
    const nth = this.#over / betweenBlows;
    if (this.#over < calm) this.#blows = this.#blows.then(() => this.#tryToStrike(nth));
  }

  async #tryToStrike(nth: number): Promise<void> {
    try {
      await this.#strike(nth);
    } catch (error) {
      this.#fail(`no blow: ${String(error)}`);
    }
  }

  async #strike(nth: number): Promise<void> {
    const { seed } = this.#options;
    const drawn = fc.sample(fc.tuple(fc.constantFrom(...blows), fc.nat(this.#replicas.length - 1)), {
      seed: seed + nth,
      numRuns: 1,
    })[0];
    const [blow, index] = drawn ?? ["killed", 0];
    const replica = this.#replicas[index];
    if (replica === undefined) return;
    this.#struck[blow] += 1;
    switch (blow) {
      case "killed":
        return replica.kill("SIGKILL");
      case "stopped":
        return replica.kill("SIGTERM");
      case "paused":
        replica.kill("SIGSTOP");
        await pause(absenceMs);
        return replica.kill("SIGCONT");
      case "cut off":
        replica.proxy.cut();
        await pause(absenceMs);
        return replica.proxy.mend();
    }
  }

  async #keepFirstSample(): Promise<void> {
    try {
      this.#samples.begin = await this.#sample();
    } catch (error) {
      this.#fail(`no sample: ${String(error)}`);
    }
  }

  async #sample(): Promise<Sample[]> {
    // One that has just been started again does not serve yet.
    const sampled = (replica: Replica) =>
      waitFor("a process to tell of itself", async () => ({ done: await replica.sample() }));
    return await Promise.all(this.#replicas.map(sampled));
  }

  async #leaderChanges(): Promise<number> {
    const key = { namespace: this.#namespace.name, name: this.#kind.operator };
    const lease = await this.#options.world.client.get(resources.leases, key, { signal: soon() });
    return lease.spec?.leaseTransitions ?? 0;
  }

  /** Nothing is left, and nobody holds the lease. */
  async #checkEnd(): Promise<void> {
    const { client } = this.#options.world;
    const namespace = this.#namespace.name;
    const ends = await Promise.all(this.#replicas.map((replica) => replica.stop()));
    if (ends.some((end) => end !== 0)) this.#fail(`the processes ended with ${ends.join(" and ")}`);
    const lease = await client.get(resources.leases, { namespace, name: this.#kind.operator }, { signal: soon() });
    if (lease.spec?.holderIdentity) this.#fail(`${lease.spec.holderIdentity} still holds the lease`);
    const ours = `${labels.managedBy}=${managedBy}`;
    for (const type of [resources.jobs, resources.pods, resources.configMaps]) {
      const { items } = await client.list(type, { namespace, labelSelector: ours, signal: soon() });
      for (const { metadata } of items) this.#fail(`${type.kind} ${metadata.name} is left`);
    }
    for (const warning of this.#replicas.flatMap(({ warnings }) => warnings)) this.#fail(warning);
  }
}

/** Most runs go well; the others go every way that does not mostly wait. */
function drawLives({ kind, seed, runs }: SoakOptions): Scenario[] {
  const quick = scenarios.filter(({ kinds: of, slow }) => of.includes(kind) && slow !== true);
  const well = quick.filter(({ name }) => name === "Delivered");
  const life = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...well) },
    { weight: 1, arbitrary: fc.constantFrom(...quick) },
  );
  return fc.sample(life, { seed, numRuns: runs });
}

function countFaults(replicas: readonly Replica[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { effect } of replicas.flatMap(({ proxy }) => proxy.met)) {
    const name = effect.type === "refuse" ? `answered ${effect.status}` : effect.type;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

function soon(): AbortSignal {
  return AbortSignal.timeout(60_000);
}
