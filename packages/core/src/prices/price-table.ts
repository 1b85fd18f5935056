import type { Price } from "./price.ts";

/** A model family's price from its input and output price in dollars per million tokens. */
function usdPerMillion(input: number, output: number): Price {
  const micro = (dollars: number) => BigInt(dollars) * 1_000_000n;
  return {
    input: micro(input),
    output: micro(output),
    // The provider's rule for its cache: a read costs a tenth of an input token, a write for five minutes a quarter more.
    cacheRead: micro(input) / 10n,
    cacheWrite: (micro(input) * 5n) / 4n,
  };
}

/** When the prices below were last compared. */
export const pricesAsOf = "2026-11-23";

/**
 * Public list prices by prefix of the model's id, for direct use of Anthropic's API: without batches, long-context
 * surcharges, regional surcharges or discounts. They are what was generally known at `pricesAsOf`, not read from the
 * provider by a program, and an invoice may differ. Ids of families that are not listed have no price.
 * The longest prefix wins.
 */
export const priceTable: Readonly<Record<string, Price>> = {
  "claude-opus-4-5": usdPerMillion(5, 25),
  "claude-opus-4-6": usdPerMillion(5, 25),
  "claude-opus-4-7": usdPerMillion(5, 25),
  "claude-opus-4-8": usdPerMillion(5, 25),
  "claude-opus-5": usdPerMillion(5, 25),
  "claude-opus-4": usdPerMillion(15, 75),
  "claude-sonnet-": usdPerMillion(3, 15),
  "claude-haiku-": usdPerMillion(1, 5),
};
