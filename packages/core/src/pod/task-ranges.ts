/** Task ids as they stand in a message: those named, and how many more there are. */
export interface TaskRanges {
  ids: number[];
  /** Tasks that were left out because the message was full. */
  more: number;
}

/**
 * Writes ids as ranges, ascending: `1-4,7`. What does not fit into `limit` characters (default: no limit) is only
 * counted: `1-4,7,+12`. `limit` must leave room for that count.
 */
export function formatTaskRanges(ids: readonly number[], limit: number = Number.POSITIVE_INFINITY): string {
  const ranges = toRanges(ids);
  const whole = ranges.map(rangeText).join(",");
  if (whole.length <= limit) return whole;
  for (let kept = ranges.length - 1; kept > 0; kept--) {
    const more = ranges.slice(kept).reduce((sum, [first, last]) => sum + last - first + 1, 0);
    const text = [...ranges.slice(0, kept).map(rangeText), `+${more}`].join(",");
    if (text.length <= limit) return text;
  }
  return `+${new Set(ids).size}`;
}

/** Reads what `formatTaskRanges` wrote. Parts of another form are ignored. */
export function parseTaskRanges(text: string): TaskRanges {
  const result: TaskRanges = { ids: [], more: 0 };
  for (const part of text.split(",")) {
    const match = /^(?:\+(?<more>\d{1,9})|(?<first>\d{1,9})(?:-(?<last>\d{1,9}))?)$/.exec(part)?.groups;
    if (match === undefined) continue;
    if (match["more"] !== undefined) result.more += Number(match["more"]);
    else result.ids.push(...idsBetween(Number(match["first"]), Number(match["last"] ?? match["first"])));
  }
  return result;
}

/** How many tasks `text` speaks of. */
export function countTasks(text: string): number {
  const { ids, more } = parseTaskRanges(text);
  return ids.length + more;
}

type Range = [first: number, last: number];

function toRanges(ids: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const id of [...new Set(ids)].toSorted((a, b) => a - b)) {
    const current = ranges.at(-1);
    if (current !== undefined && current[1] === id - 1) current[1] = id;
    else ranges.push([id, id]);
  }
  return ranges;
}

function rangeText([first, last]: Range): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** A message cannot make its reader count for ever: a range stands for at most as many tasks as a run may have. */
const widestRange = 1000;

function idsBetween(first: number, last: number): number[] {
  const length = Math.min(Math.max(last - first + 1, 0), widestRange);
  return Array.from({ length }, (_, index) => first + index);
}
