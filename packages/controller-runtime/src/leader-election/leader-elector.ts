import type { Logger } from "pino";
import { isApiError, unlessNotFound } from "../client/api-error.ts";
import type { KubernetesClient } from "../client/kubernetes-client.ts";
import { type Clock, sleep, systemClock } from "../clock.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { microTime } from "../micro-time.ts";
import { apiVersion } from "../resource-type.ts";
import type { Lease } from "../resources/objects.ts";
import { resources } from "../resources/resources.ts";
import { Watcher, type WatcherEvent } from "../watch/watcher.ts";
import { needsMending } from "../watch/watcher-state.ts";
import { checkLeaseTimes, decideLease, defaultLeaseTimes, type LeaseTimes } from "./lease-decision.ts";

// As in client-go, so that the candidates do not all come at once.
const acquireJitter = 1.2;

const minPatienceMs = 1_000;

const tooLate = "the lease could not be renewed in time";

type LeaseSpec = NonNullable<Lease["spec"]>;

/** The lease could not be renewed in time, or is another's: this process must stop writing at once. */
export class LeadershipLostError extends Error {
  override readonly name = "LeadershipLostError";
}

/** The lease cannot be read or written until somebody mends the cluster. */
export class LeaseUnavailableError extends Error {
  override readonly name = "LeaseUnavailableError";
}

export interface LeaderElectionOptions extends Partial<LeaseTimes> {
  /** Where the Lease is, and its name. */
  namespace: string;
  name: string;
  /** Who we are; another for every process. */
  identity: string;
}

/** Lets one process of several work, by a Lease: `acquire`, then `hold` for as long as there is work, then `release`. */
export class LeaderElector {
  readonly #client: KubernetesClient;
  readonly #key: { namespace: string; name: string };
  readonly #identity: string;
  readonly #times: LeaseTimes;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** As the API server last answered it; only while we hold it. */
  #held: Lease | undefined;
  #renewedAt = 0;
  /** The other holder's last sign of life, by our own clock, and how long it counts. */
  #seen = { record: "", at: 0, durationMs: 0 };
  #wake: () => void = () => undefined;

  /** @throws RangeError when the times do not fit each other. */
  constructor(
    options: LeaderElectionOptions & {
      client: KubernetesClient;
      logger: Logger;
      metrics: Metrics;
      /** Default: the system's. */
      clock?: Clock | undefined;
      /** Default: `Math.random`. */
      random?: (() => number) | undefined;
    },
  ) {
    this.#client = options.client;
    this.#key = { namespace: options.namespace, name: options.name };
    this.#identity = options.identity;
    this.#times = {
      leaseDurationMs: options.leaseDurationMs ?? defaultLeaseTimes.leaseDurationMs,
      renewDeadlineMs: options.renewDeadlineMs ?? defaultLeaseTimes.renewDeadlineMs,
      retryPeriodMs: options.retryPeriodMs ?? defaultLeaseTimes.retryPeriodMs,
    };
    checkLeaseTimes(this.#times);
    this.#metrics = options.metrics;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#logger = options.logger.child({ lease: `${options.namespace}/${options.name}`, identity: options.identity });
    this.#metrics.leaderElectionMasterStatus.set({ name: options.name }, 0);
  }

  /**
   * Resolves once this process holds the lease. Until then it is watched, so that it is taken when it is given back, or
   * as soon as its holder has given no sign of life for long enough.
   *
   * @throws LeaseUnavailableError when permission or namespace are missing from the start; the signal's reason when it aborts.
   */
  async acquire(signal: AbortSignal): Promise<void> {
    this.#logger.info("waiting for the lease");
    const acquired = new AbortController();
    let watch: Promise<void> | undefined;
    try {
      while (!(await this.#tryToAcquire(signal))) {
        watch ??= this.#watch(AbortSignal.any([signal, acquired.signal]));
        await this.#untilNextTry(signal);
      }
    } finally {
      acquired.abort();
      await watch;
    }
    this.#metrics.leaderElectionMasterStatus.set({ name: this.#key.name }, 1);
    this.#logger.info("holding the lease");
  }

  /**
   * Renews the lease until the signal aborts, then resolves still holding it.
   *
   * @throws LeadershipLostError when it could not be renewed within the renew deadline, or is another's.
   */
  async hold(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await sleep(this.#clock, Math.min(this.#times.retryPeriodMs, this.#timeLeft()), signal);
        await this.#renew(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#lost();
        throw error;
      }
    }
  }

  /** @throws LeadershipLostError when this process does not hold the lease, or has not renewed it within the renew deadline. */
  checkHeld(): void {
    if (this.#held === undefined) throw new LeadershipLostError("the lease is not held by this process");
    if (this.#timeLeft() <= 0) throw new LeadershipLostError(tooLate);
  }

  /** Lets the next one take the lease at once. Does nothing when this process does not hold it. */
  async release(signal: AbortSignal): Promise<void> {
    const lease = this.#held;
    if (lease === undefined) return;
    this.#lost();
    try {
      await this.#writeReleased(lease, signal);
    } catch (error) {
      if (!isApiError(error, "Conflict")) throw error;
      // A renewal that was cut off by the stop may have reached the server.
      const current = await this.#read(signal);
      if (current?.spec?.holderIdentity !== this.#identity) return;
      await this.#writeReleased(current, signal);
    }
    this.#logger.info("released the lease");
  }

  async #writeReleased(lease: Lease, signal: AbortSignal): Promise<void> {
    const now = microTime(this.#clock.now());
    const { leaseTransitions = 0 } = lease.spec ?? {};
    // Without holderIdentity nobody holds it.
    const spec = { leaseDurationSeconds: 1, renewTime: now, acquireTime: now, leaseTransitions };
    await this.#client.replace(resources.leases, { ...lease, spec }, { signal });
  }

  #lost(): void {
    this.#held = undefined;
    this.#metrics.leaderElectionMasterStatus.set({ name: this.#key.name }, 0);
  }

  async #tryToAcquire(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#withDeadline(this.#times.renewDeadlineMs, signal, (limited) => this.#claim(limited));
    } catch (error) {
      signal.throwIfAborted();
      // Once the lease could be read, the same answers are taken for passing trouble.
      if (needsMending(error) && this.#seen.record === "") {
        const { namespace, name } = this.#key;
        throw new LeaseUnavailableError(
          `the lease ${namespace}/${name} cannot be used, which only one process at a time may hold: ${(error as Error).message}`,
          { cause: error },
        );
      }
      this.#logger.warn({ err: error }, "cannot acquire the lease, trying again");
      return false;
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const left = this.#timeLeft();
    if (left <= 0) throw new LeadershipLostError(tooLate);
    // As in client-go: a request that nobody answers leaves time for another.
    const patience = Math.min(left, Math.max(minPatienceMs, this.#times.renewDeadlineMs / 2));
    try {
      const renewed = await this.#withDeadline(patience, signal, (limited) => this.#claim(limited));
      if (!renewed) throw new LeadershipLostError("the lease is held by another process");
    } catch (error) {
      if (error instanceof LeadershipLostError || signal.aborted) throw error;
      if (this.#timeLeft() <= 0) throw new LeadershipLostError(tooLate, { cause: error });
      this.#logger.warn({ err: error }, "cannot renew the lease, trying again");
    }
  }

  /** Milliseconds until the holder must give up. */
  #timeLeft(): number {
    return this.#renewedAt + this.#times.renewDeadlineMs - this.#clock.elapsed();
  }

  /** Until the usual pause is over, the other's lease runs out, or it is given back. */
  async #untilNextTry(signal: AbortSignal): Promise<void> {
    const pause = this.#times.retryPeriodMs * (1 + this.#random() * acquireJitter);
    const { at, durationMs } = this.#seen;
    const left = durationMs === 0 ? pause : at + durationMs - this.#clock.elapsed() + 1;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    try {
      const nearest = left > 0 ? Math.min(pause, left) : pause;
      await sleep(this.#clock, nearest, AbortSignal.any([signal, woken.signal]));
    } catch {
      signal.throwIfAborted();
    } finally {
      this.#wake = () => undefined;
    }
  }

  /** Notes the holder's signs of life as they come. Without it the tries to acquire see them, a little later. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { namespace, name } = this.#key;
    const onEvent = (event: WatcherEvent<Lease>): void => {
      if (!("object" in event)) return;
      if (event.type !== "deleted") this.#note(event.object);
      if (event.type === "deleted" || !event.object.spec?.holderIdentity) this.#wake();
    };
    const watcher = new Watcher({
      client: this.#client,
      type: resources.leases,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      onEvent,
      logger: this.#logger,
      metrics: this.#metrics,
      clock: this.#clock,
      random: this.#random,
    });
    try {
      await watcher.run(signal);
    } catch (error) {
      this.#logger.info({ err: error }, "the lease cannot be watched, only asked for from time to time");
    }
  }

  /** Takes or renews the lease if that may be done now. */
  async #claim(signal: AbortSignal): Promise<boolean> {
    const begunAt = this.#clock.elapsed();
    const lease = this.#held ?? (await this.#read(signal));
    try {
      return await this.#write(lease, begunAt, signal);
    } catch (error) {
      if (!["Conflict", "AlreadyExists", "NotFound"].some((reason) => isApiError(error, reason))) throw error;
      // Somebody else wrote: whether it is still ours is seen by reading it.
      return this.#write(await this.#read(signal), begunAt, signal);
    }
  }

  async #write(lease: Lease | undefined, begunAt: number, signal: AbortSignal): Promise<boolean> {
    const now = this.#clock.now();
    if (lease === undefined) {
      const created = await this.#client.create(resources.leases, this.#newLease(now), { signal });
      return this.#holds(created, begunAt);
    }
    const decision = decideLease(lease, this.#identity, this.#seen.at, begunAt);
    if (decision === "wait") {
      this.#held = undefined;
      return false;
    }
    const spec = decision === "renew" ? this.#renewedSpec(lease, now) : this.#takenSpec(lease, now);
    return this.#holds(await this.#client.replace(resources.leases, { ...lease, spec }, { signal }), begunAt);
  }

  #holds(lease: Lease, since: number): true {
    this.#held = lease;
    this.#renewedAt = since;
    return true;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const lease = await unlessNotFound(this.#client.get(resources.leases, this.#key, { signal }));
    if (lease !== undefined) this.#note(lease);
    return lease;
  }

  #note({ metadata, spec = {} }: Lease): void {
    const { holderIdentity, renewTime, leaseTransitions, leaseDurationSeconds = 0 } = spec;
    const record = JSON.stringify([metadata.uid, holderIdentity, renewTime, leaseTransitions]);
    if (record === this.#seen.record) return;
    this.#seen = { record, at: this.#clock.elapsed(), durationMs: leaseDurationSeconds * 1000 };
  }

  #newLease(now: number): Lease {
    const type = resources.leases;
    return {
      apiVersion: apiVersion(type),
      kind: type.kind,
      metadata: { ...this.#key },
      spec: this.#ownSpec(now, 0),
    };
  }

  #takenSpec(lease: Lease, now: number): LeaseSpec {
    return this.#ownSpec(now, (lease.spec?.leaseTransitions ?? 0) + 1);
  }

  #renewedSpec(lease: Lease, now: number): LeaseSpec {
    const { acquireTime, leaseTransitions = 0 } = lease.spec ?? {};
    return { ...this.#ownSpec(now, leaseTransitions), ...(acquireTime === undefined ? {} : { acquireTime }) };
  }

  #ownSpec(now: number, leaseTransitions: number): LeaseSpec {
    return {
      holderIdentity: this.#identity,
      leaseDurationSeconds: Math.ceil(this.#times.leaseDurationMs / 1000),
      acquireTime: microTime(now),
      renewTime: microTime(now),
      leaseTransitions,
    };
  }

  async #withDeadline<R>(
    milliseconds: number,
    signal: AbortSignal,
    action: (limited: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const late = new AbortController();
    const cancel = this.#clock.schedule(milliseconds, () =>
      late.abort(new Error("the API server did not answer about the lease in time")),
    );
    try {
      return await action(AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
    }
  }
}
