/** Lets `burst` things through at once, and then `perSecond`. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** A bucket from which everything takes its token, if need be one that is still to come. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filledAt: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = now;
  }

  /** Takes a token; answers in how many milliseconds it is there. */
  reserve(now: number): number {
    const { perSecond, burst } = this.#rate;
    const earned = (Math.max(0, now - this.#filledAt) / 1000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + earned) - 1;
    this.#filledAt = now;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / perSecond) * 1000;
  }
}
