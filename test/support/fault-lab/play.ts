import { isTerminal, liveAmong } from "@orchestrator/core";
import { judge } from "./judge.ts";
import { comparable, type Outcome } from "./outcome.ts";
import type { RunRecord } from "./sighting.ts";
import type { Stage, WriteWatch } from "./stage.ts";

/**
 * What goes wrong at the operator's k-th write, in the manner of Sieve:
 * - crash: it is killed when the write has become true, before it hears of that, and starts again.
 * - past: it is killed there, and starts again on an API server that still shows what was before that write.
 * - late: what the world does comes late to it, from before the write until its next one.
 * - skip: of what the world does after the write it sees only where that led.
 */
export type Trouble = "crash" | "past" | "late" | "skip";
export const troubles = ["crash", "past", "late", "skip"] as const satisfies Trouble[];

export interface Play {
  /** Whether there was a k-th write; without one, nothing went wrong. */
  struck: boolean;
  outcome: Outcome;
}

/** How long one is waited for who may have nothing to do, in milliseconds. */
const patienceMs = 400;

/** Plays the scenario of a stage undisturbed. */
export async function playUndisturbed(stage: Stage): Promise<{ outcome: Outcome; writes: number }> {
  stage.watch({});
  const { uid, actor } = await stage.apply({ hasty: false });
  await actor.played(stage.scenario);
  const outcome = await outcomeOf(stage, uid);
  await stage.idle();
  return { outcome, writes: stage.written };
}

/** Plays the scenario of a stage, and makes trouble at the operator's k-th write. */
export async function playWith(stage: Stage, trouble: Trouble, k: number): Promise<Play> {
  const strike = new Strike(stage, k);
  stage.watch(strike[trouble]());
  const { run, uid, actor } = await stage.apply({ hasty: trouble === "skip", onAct: () => strike.onAct() });
  strike.before = Math.max(strike.before, Number(run.metadata.resourceVersion));
  strike.uid = uid;
  const recovery = strike.recovered;
  try {
    await actor.played(stage.scenario);
    const outcome = await outcomeOf(stage, uid);
    strike.end();
    await recovery;
    await stage.idle();
    return { struck: strike.struck, outcome };
  } finally {
    strike.end();
  }
}

/** One stroke of trouble, and the recovery from it. */
class Strike {
  readonly #stage: Stage;
  readonly #k: number;
  readonly #recovered = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;
  #withholding = false;
  struck = false;
  /** Of the run, once it is there. */
  uid: string | undefined;
  /** The newest state before the k-th write. */
  before = 0;

  constructor(stage: Stage, k: number) {
    this.#stage = stage;
    this.#k = k;
  }

  get recovered(): Promise<void> {
    return this.#recovered.promise;
  }

  crash(): WriteWatch {
    return { onAnswer: (count) => this.#killAt(count, () => undefined) };
  }

  past(): WriteWatch {
    return {
      onRequest: (count) => {
        if (this.#withholding && count > this.#k) this.#releaseSoon(patienceMs / 8);
        if (count === this.#k) this.before = Math.max(this.before, ...this.#seen());
      },
      onAnswer: async (count, { resourceVersion }) => {
        if (count < this.#k) this.before = Math.max(this.before, resourceVersion ?? 0);
        await this.#killAt(count, () => this.#stage.proxy.lag(this.before));
      },
    };
  }

  late(): WriteWatch {
    return {
      onRequest: (count) => {
        if (count === this.#k) this.#withhold();
      },
      onAnswer: (count) => {
        if (count === this.#k) this.#releaseSoon(patienceMs);
        if (count > this.#k) this.#release();
      },
    };
  }

  skip(): WriteWatch {
    return {
      onAnswer: (count) => {
        if (count !== this.#k) return;
        this.#withhold();
        this.#releaseSoon(2 * patienceMs);
      },
    };
  }

  #acts = 0;
  /** The world has done something: two things are enough to have skipped one. */
  onAct(): void {
    if (!this.#withholding) return;
    this.#acts += 1;
    if (this.#acts === 2) this.#releaseSoon(patienceMs / 8);
  }

  /** Whatever is still withheld comes now. */
  end(): void {
    this.#release();
    if (!this.struck) this.#recovered.resolve();
  }

  /** Resource versions of what has become of the run by now. */
  #seen(): number[] {
    const { sightings } = this.uid === undefined ? { sightings: [] } : this.#stage.world.of(this.uid);
    return sightings.map(({ resourceVersion }) => resourceVersion);
  }

  async #killAt(count: number, before: () => void): Promise<void> {
    if (count !== this.#k || this.struck) return;
    this.struck = true;
    await this.#stage.kill();
    before();
    this.#withholding = true;
    const again = this.#stage.startAgain().then(() => this.#releaseSoon(patienceMs));
    again.then(
      () => this.#recovered.resolve(),
      (error: unknown) => this.#recovered.reject(error),
    );
  }

  #withhold(): void {
    this.struck = true;
    this.#withholding = true;
    this.#recovered.resolve();
    this.#stage.proxy.hold();
  }

  #releaseSoon(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#release(), milliseconds);
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#withholding = false;
    this.#stage.proxy.release({ join: true });
  }
}

/** What the run has come to when nothing of it is open any more. */
async function outcomeOf({ world, kind, scenario, namespace }: Stage, uid: string): Promise<Outcome> {
  const { end } = scenario;
  const over = (record: RunRecord): true | undefined => {
    const { run, jobs, pods, configMaps } = record;
    const open = liveAmong([...jobs.values()], [...pods.values()]).length > 0;
    if (end.type === "deleted")
      return run === undefined && jobs.size + pods.size + configMaps.size === 0 ? true : undefined;
    const ended = run?.status !== undefined && isTerminal(run.status) && (run.status.round ?? 1) === end.round;
    return ended && !open ? true : undefined;
  };
  await world.until(uid, `run ${uid} in ${namespace} to be over, with all that it owns`, over);
  const record = world.of(uid);
  const broken = [...judge(record, kind.handler.defaults), ...brokenEnd(record, scenario.end)];
  const status = comparable(record.run?.status);
  world.forget(uid);
  return { status, broken };
}

function brokenEnd({ run }: RunRecord, end: Stage["scenario"]["end"]): string[] {
  if (end.type === "deleted") return [];
  const succeeded = run?.status?.conditions?.find(({ type }) => type === "Succeeded");
  const found = `${run?.status?.phase} (${succeeded?.reason})`;
  const asked = `${end.phase} (${end.reason})`;
  return found === asked ? [] : [`ended as ${found} instead of ${asked}`];
}
