import type { Price } from "./price.ts";
import { priceTable } from "./price-table.ts";

/** The price of a model by its full id; undefined where none is known. An alias such as `opus` has no price. */
export function priceOf(model: string, table: Readonly<Record<string, Price>> = priceTable): Price | undefined {
  const prefix = Object.keys(table)
    .filter((candidate) => model.startsWith(candidate))
    .reduce((longest, candidate) => (candidate.length > longest.length ? candidate : longest), "");
  return table[prefix];
}
