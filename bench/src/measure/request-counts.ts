/** How many requests the API server has answered, by `VERB resource/subresource`. */
export type RequestCounts = Record<string, number>;

const line = /^apiserver_request_total\{(?<labels>.*)\} (?<count>\S+)$/;
const label = /(?<name>\w+)="(?<value>[^"]*)"/g;
const reads = ["GET", "LIST"];
const writes = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];

/** From the text of the API server's `/metrics`. */
export function parseRequestCounts(metrics: string): RequestCounts {
  const counts: RequestCounts = {};
  for (const text of metrics.split("\n")) {
    const { labels = "", count } = line.exec(text)?.groups ?? {};
    if (count === undefined) continue;
    const found = new Map([...labels.matchAll(label)].map(({ groups }) => [groups?.["name"], groups?.["value"] ?? ""]));
    const [verb, resource, subresource] = ["verb", "resource", "subresource"].map((key) => found.get(key) ?? "");
    const name = `${verb} ${[resource, subresource].filter(Boolean).join("/")}`;
    counts[name] = (counts[name] ?? 0) + Number(count);
  }
  return counts;
}

/** What came between two countings. */
export function countsBetween(before: RequestCounts, after: RequestCounts): RequestCounts {
  const more = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(more.filter(([, count]) => count !== 0));
}

/** Leases are left out: the API server renews one of its own. */
export function countWrites(counts: RequestCounts): number {
  return sum(counts, (verb, resource) => writes.includes(verb) && resource !== "leases");
}

/** What an operator could read for a run: objects of the kinds that a run is made of. */
export function countReads(counts: RequestCounts, resources: readonly string[]): number {
  return sum(counts, (verb, resource) => reads.includes(verb) && resources.includes(resource));
}

function sum(counts: RequestCounts, concerns: (verb: string, resource: string) => boolean): number {
  return Object.entries(counts).reduce((all, [name, count]) => {
    const [verb = "", resource = ""] = name.split(" ");
    return concerns(verb, resource) ? all + count : all;
  }, 0);
}
