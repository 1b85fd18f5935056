import type { TokenCounts } from "./price.ts";
import { priceOf } from "./price-of.ts";

const picoPerDollar = 1_000_000_000_000n;
const decimals = 12;
const shownDecimals = 2;

/**
 * What the tokens cost, in dollars, exactly: a decimal string with at least two and at most twelve decimals.
 * Undefined where the model has no known price. Throws RangeError when a count is not a whole number.
 */
export function costUsd(usage: TokenCounts, model: string): string | undefined {
  const price = priceOf(model);
  if (price === undefined) return undefined;
  return formatUsd(
    BigInt(usage.inputTokens) * price.input +
      BigInt(usage.outputTokens) * price.output +
      BigInt(usage.cacheReadTokens) * price.cacheRead +
      BigInt(usage.cacheCreationTokens) * price.cacheWrite,
  );
}

/** The exact sum of decimal dollar strings, as `costUsd` gives them. */
export function addUsd(amounts: readonly string[]): string {
  return formatUsd(amounts.reduce((sum, amount) => sum + parseUsd(amount), 0n));
}

/** What is left of `amount` without `part`; nothing where that is more. */
export function subtractUsd(amount: string, part: string): string {
  const left = parseUsd(amount) - parseUsd(part);
  return formatUsd(left > 0n ? left : 0n);
}

/** Below 0 where `a` is less than `b`, above 0 where it is more. */
export function compareUsd(a: string, b: string): number {
  return Number(parseUsd(a) - parseUsd(b));
}

/** Whether a text is an amount that the others here can read. */
export function isUsd(text: string): boolean {
  return /^\d{1,18}([.]\d{1,12})?$/.test(text);
}

function formatUsd(pico: bigint): string {
  const fraction = String(pico % picoPerDollar).padStart(decimals, "0");
  return `${pico / picoPerDollar}.${fraction.replace(/0+$/, "").padEnd(shownDecimals, "0")}`;
}

function parseUsd(amount: string): bigint {
  const [whole = "", fraction = ""] = amount.split(".");
  return BigInt(whole) * picoPerDollar + BigInt(fraction.padEnd(decimals, "0"));
}
