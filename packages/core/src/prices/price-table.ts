import type { Price } from "./price.ts";

/** A price from thousandths of a dollar per million tokens. */
function thousandths(input: number, output: number, cacheRead: number, cacheWrite: number): Price {
  const pico = (price: number) => BigInt(price) * 1000n;
  return { input: pico(input), output: pico(output), cacheRead: pico(cacheRead), cacheWrite: pico(cacheWrite) };
}

/** When the prices below were last compared with their source. */
export const pricesAsOf = "2026-11-23";

/**
 * List prices for direct use of Anthropic's API, without batches, surcharges or discounts, by the model's id without
 * its date. Their source is the agent CLI 2.1.330, which states a cost by list prices for what it has used; each price
 * was read off from that. The provider's invoice may differ.
 */
export const priceTable: Readonly<Record<string, Price>> = {
  "claude-fable-5": thousandths(10_000, 50_000, 1000, 12_500),
  "claude-fable-5-2": thousandths(8000, 40_000, 200, 10_000),
  "claude-haiku-4-5": thousandths(1000, 5000, 100, 1250),
  "claude-haiku-5-5": thousandths(100, 500, 10, 125),
  "claude-mythos-5": thousandths(10_000, 50_000, 1000, 12_500),
  "claude-opus-4-5": thousandths(5000, 25_000, 500, 6250),
  "claude-opus-4-6": thousandths(5000, 25_000, 500, 6250),
  "claude-opus-4-7": thousandths(5000, 25_000, 500, 6250),
  "claude-opus-4-8": thousandths(5000, 25_000, 500, 6250),
  "claude-opus-5": thousandths(5000, 25_000, 500, 6250),
  "claude-opus-5-5": thousandths(4000, 20_000, 200, 5000),
  "claude-sonnet-4": thousandths(3000, 15_000, 300, 3750),
  "claude-sonnet-4-5": thousandths(3000, 15_000, 300, 3750),
  "claude-sonnet-4-6": thousandths(3000, 15_000, 300, 3750),
  "claude-sonnet-5": thousandths(2000, 10_000, 200, 2500),
  "claude-sonnet-5-5": thousandths(2000, 10_000, 100, 2500),
};
