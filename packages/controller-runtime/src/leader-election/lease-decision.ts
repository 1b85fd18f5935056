import type { Lease } from "../resources/objects.ts";

/** When and how long a lease is held; milliseconds. */
export interface LeaseTimes {
  /** How long others wait after the last sign of life. Default: 15,000. */
  leaseDurationMs: number;
  /** The holder gives up after failing to renew for this long. Default: 10,000. */
  renewDeadlineMs: number;
  /** Between tries. Default: 2,000. */
  retryPeriodMs: number;
}

export const defaultLeaseTimes: LeaseTimes = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** The holder must notice that it lost the lease before others may take it, and have tried more than once by then. */
export function checkLeaseTimes(times: LeaseTimes): void {
  if (times.leaseDurationMs <= times.renewDeadlineMs) {
    throw new RangeError("the lease duration must be longer than the renew deadline");
  }
  if (times.renewDeadlineMs <= times.retryPeriodMs * 1.2) {
    throw new RangeError("the renew deadline must be longer than 1.2 times the retry period");
  }
}

export type LeaseDecision = "renew" | "take" | "wait";

/**
 * What `identity` may do with a lease whose holder last gave a sign of life, as seen by our own clock, at `observedAt`.
 * The times in the lease are the holder's and say nothing to another machine's clock.
 */
export function decideLease(lease: Lease, identity: string, observedAt: number, now: number): LeaseDecision {
  const { holderIdentity, leaseDurationSeconds = 0 } = lease.spec ?? {};
  if (!holderIdentity) return "take";
  if (holderIdentity === identity) return "renew";
  return now - observedAt > leaseDurationSeconds * 1000 ? "take" : "wait";
}
