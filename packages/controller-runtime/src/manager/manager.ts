import type { Logger } from "pino";
import type { KubernetesClient } from "../client/kubernetes-client.ts";
import { type Clock, sleep, systemClock } from "../clock.ts";
import { Controller } from "../controller/controller.ts";
import type { Informer } from "../informer/informer.ts";
import { type LeaderElectionOptions, LeaderElector } from "../leader-election/leader-elector.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { HttpEndpoints } from "./http-endpoints.ts";

const defaultShutdownGraceMs = 30_000;
const releaseTimeoutMs = 5_000;

/** Reconciles were still running when the time to stop was over. The lease was left to run out. */
export class ShutdownTimeoutError extends Error {
  override readonly name = "ShutdownTimeoutError";
}

// Informers differ in types that the manager has no use for.
type AnyInformer = Pick<Informer<KubernetesObject, unknown>, "run" | "synced">;

/**
 * Runs a program's parts in order: metrics and health, informers until synced, leadership, controllers. Stops them
 * in the opposite order, and gives the lease back last, when nothing here writes any more.
 */
export class Manager {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #ports: { metrics: number; health: number };
  readonly #elector: LeaderElector | undefined;
  readonly #metricsServer: HttpEndpoints;
  readonly #healthServer: HttpEndpoints;
  readonly #informers: AnyInformer[] = [];
  readonly #controllers: Controller[] = [];
  readonly #onLeading: ((signal: AbortSignal) => Promise<void>)[] = [];
  #ready = false;

  constructor(options: {
    client: KubernetesClient;
    logger: Logger;
    metrics: Metrics;
    leaderElection: LeaderElectionOptions | "disabled";
    /** Serves `/metrics`; 0 for any free port. */
    metricsPort: number;
    /** Serves `/healthz`, and `/readyz`, which is positive once the informers are synced; 0 for any free port. */
    healthPort: number;
    /** How long reconciles in hand may take when stopping. Default: 30,000. */
    shutdownGraceMs?: number | undefined;
    /** Default: the system's. */
    clock?: Clock | undefined;
  }) {
    const { client, logger, metrics, leaderElection, clock } = options;
    this.#logger = logger;
    this.#clock = clock ?? systemClock;
    this.#graceMs = options.shutdownGraceMs ?? defaultShutdownGraceMs;
    this.#ports = { metrics: options.metricsPort, health: options.healthPort };
    this.#elector =
      leaderElection === "disabled"
        ? undefined
        : new LeaderElector({ ...leaderElection, client, logger, metrics, clock });
    this.#metricsServer = new HttpEndpoints({
      "/metrics": async () => ({
        status: 200,
        body: await metrics.registry.metrics(),
        contentType: metrics.registry.contentType,
      }),
    });
    this.#healthServer = new HttpEndpoints({
      "/healthz": () => ({ status: 200, body: "ok" }),
      "/readyz": () =>
        this.#ready ? { status: 200, body: "ok" } : { status: 503, body: "the informers are not synced" },
    });
  }

  add<T extends KubernetesObject, P>(part: Informer<T, P> | Controller): void {
    if (part instanceof Controller) this.#controllers.push(part);
    else this.#informers.push(part);
  }

  /** The listener is waited for when this process begins to lead, before its controllers run. The signal aborts when it is to stop. */
  onLeading(listener: (signal: AbortSignal) => Promise<void>): void {
    this.#onLeading.push(listener);
  }

  /** @throws LeadershipLostError when this process may not write: the lease is not, or no longer, its own. */
  checkLeading(): void {
    this.#elector?.checkHeld();
  }

  /** The ports in use, once `run` has opened them. */
  get ports(): Readonly<{ metrics: number; health: number }> {
    return this.#ports;
  }

  /**
   * Resolves after a clean stop, which begins when the signal aborts.
   *
   * @throws ResourceUnavailableError, LeaseUnavailableError, LeadershipLostError: the program should end with it.
   * @throws ShutdownTimeoutError when reconciles did not end within the grace.
   */
  async run(signal: AbortSignal): Promise<void> {
    const lifetime = new Lifetime(signal);
    try {
      await this.#serve();
      await this.#work(lifetime);
    } catch (error) {
      // What made the program stop says more than what went wrong while it did.
      lifetime.throwIfFailed();
      throw error;
    } finally {
      this.#ready = false;
      lifetime.informers.abort();
      await this.#metricsServer.close();
      await this.#healthServer.close();
    }
    lifetime.throwIfFailed();
  }

  async #serve(): Promise<void> {
    this.#ports.metrics = await this.#metricsServer.listen(this.#ports.metrics);
    this.#ports.health = await this.#healthServer.listen(this.#ports.health);
    this.#logger.info({ ports: this.#ports }, "serving metrics and health");
  }

  async #work(lifetime: Lifetime): Promise<void> {
    const { stop } = lifetime;
    for (const informer of this.#informers) lifetime.watch(informer.run(lifetime.informers.signal));
    try {
      await Promise.all(this.#informers.map((informer) => informer.synced(stop)));
      this.#ready = true;
      await this.#elector?.acquire(stop);
    } catch (error) {
      if (stop.aborted) return;
      throw error;
    }
    await this.#lead(lifetime);
  }

  async #lead(lifetime: Lifetime): Promise<void> {
    const { abandon, election } = lifetime;
    const holding = this.#elector?.hold(election.signal);
    if (holding !== undefined) lifetime.watch(holding, () => abandon.abort(new Error("leadership is lost")));
    try {
      if (await this.#begun(lifetime)) await this.#control(lifetime);
    } finally {
      election.abort();
      await holding?.catch(() => undefined);
    }
    await this.#release();
  }

  /** False when it is to stop before it has begun. */
  async #begun({ stop }: Lifetime): Promise<boolean> {
    try {
      await Promise.all(this.#onLeading.map((listener) => listener(stop)));
      return true;
    } catch (error) {
      if (stop.aborted) return false;
      throw error;
    }
  }

  async #control({ stop, abandon }: Lifetime): Promise<void> {
    const workers = Promise.all(this.#controllers.map((controller) => controller.run(stop, abandon.signal)));
    this.#logger.info("controllers are running");
    await aborted(stop);
    this.#logger.info("stopping: finishing the reconciles in hand");
    await this.#finish(workers, abandon);
  }

  async #release(): Promise<void> {
    try {
      await this.#elector?.release(AbortSignal.timeout(releaseTimeoutMs));
    } catch (error) {
      this.#logger.warn({ err: error }, "cannot release the lease: it will run out");
    }
  }

  async #finish(workers: Promise<unknown>, abandon: AbortController): Promise<void> {
    const ended = new AbortController();
    const inTime = await Promise.race([
      workers.then(() => true),
      sleep(this.#clock, this.#graceMs, ended.signal).then(
        () => false,
        () => true,
      ),
    ]);
    ended.abort();
    if (inTime) return;
    abandon.abort(new Error("the time to stop is over"));
    throw new ShutdownTimeoutError(`reconciles were still running ${this.#graceMs} ms after the stop`);
  }
}

/** The signals of one run, from the first that stops to the last. */
class Lifetime {
  /** No new work. */
  readonly stop: AbortSignal;
  /** Give up the reconciles in hand. */
  readonly abandon = new AbortController();
  /** The lease is renewed no more. */
  readonly election = new AbortController();
  /** The caches are needed until the last reconcile has ended. */
  readonly informers = new AbortController();
  readonly #failed = new AbortController();

  constructor(signal: AbortSignal) {
    this.stop = AbortSignal.any([signal, this.#failed.signal]);
  }

  /** Stops everything when `part` fails. */
  watch(part: Promise<void>, onFailure?: () => void): void {
    part.catch((error: unknown) => {
      onFailure?.();
      this.#failed.abort(error);
    });
  }

  throwIfFailed(): void {
    this.#failed.signal.throwIfAborted();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
