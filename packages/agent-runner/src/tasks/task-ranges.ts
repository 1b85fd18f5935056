/** Writes ids as ranges, ascending and each once: `1-4,7`. No ids give an empty text. */
export function formatRanges(ids: Iterable<number>): string {
  const ranges: { from: number; to: number }[] = [];
  for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.to === id - 1) last.to = id;
    else ranges.push({ from: id, to: id });
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}

/**
 * Reads what `formatRanges` wrote.
 *
 * @throws RangeError where the text is anything else
 */
export function parseRanges(text: string): number[] {
  if (text === "") return [];
  return text.split(",").flatMap((part) => {
    const match = /^(?<from>\d+)(?:-(?<to>\d+))?$/.exec(part);
    const from = Number(match?.groups?.["from"]);
    const to = Number(match?.groups?.["to"] ?? from);
    if (match === null || to < from) throw new RangeError(`${JSON.stringify(part)} is no range of task ids`);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
}
