/** Whole numbers of micro-dollars per million tokens, which are also pico-dollars per token. */
export interface Price {
  readonly input: bigint;
  readonly output: bigint;
  readonly cacheRead: bigint;
  /** Writing to the cache that is kept for five minutes. */
  readonly cacheWrite: bigint;
}

/** Tokens of one or many answers, counted apart as the provider bills them. */
export interface TokenCounts {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheCreationTokens: number;
}
