import type { RunningOperator } from "../support/operator.ts";

/** Values of the samples of a metric by their labels, `kind="A",phase="B"`, as Prometheus would scrape them. */
export type Samples = ReadonlyMap<string, number>;

/** Scrapes operators. Answers a metric's samples by its name. */
export async function scrape(operators: readonly RunningOperator[]): Promise<(name: string) => Samples> {
  const texts = await Promise.all(
    operators.map(async ({ ports }) => await (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text()),
  );
  const samples = texts.join("\n").split("\n").flatMap(sample);
  return (name) => new Map(samples.flatMap((one) => (one.name === name ? [[one.labels, one.value] as const] : [])));
}

function sample(line: string): { name: string; labels: string; value: number }[] {
  const found = /^(\w+)\{(.*)\} (\S+)$/.exec(line);
  return found === null ? [] : [{ name: found[1] ?? "", labels: found[2] ?? "", value: Number(found[3]) }];
}

/** How often each text stands in the list. */
export function counted(texts: readonly string[]): Samples {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** The sums of the values of each text. */
export function summed(values: readonly (readonly [string, number])[]): Samples {
  const sums = new Map<string, number>();
  for (const [text, value] of values) sums.set(text, (sums.get(text) ?? 0) + value);
  return sums;
}
