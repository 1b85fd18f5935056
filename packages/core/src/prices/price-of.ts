import type { Price } from "./price.ts";
import { priceTable } from "./price-table.ts";

const date = /-\d{8}$/;

/**
 * The price of a model by its full id, with or without a date; undefined where none is known. A version that is not in
 * the table has none, for versions of one family differ; nor has an alias such as `opus`.
 */
export function priceOf(model: string): Price | undefined {
  const id = model.replace(date, "");
  return Object.hasOwn(priceTable, id) ? priceTable[id] : undefined;
}
