import fc from "fast-check";
import { expect, it } from "vitest";
import type { ConfigMap } from "../resources/objects.ts";
import { configMap } from "../testing/objects.ts";
import { ObjectCache } from "./object-cache.ts";

const write = fc.record({
  type: fc.constantFrom("write" as const, "delete" as const),
  name: fc.constantFrom("a", "b"),
});

interface HistoryEntry {
  type: "applied" | "deleted";
  object: ConfigMap;
}

/** What an API server would do with these writes: each gets the next version, and each life an UID of its own. */
function historyOf(writes: { type: "write" | "delete"; name: string }[]): HistoryEntry[] {
  const live = new Map<string, string>();
  return writes.flatMap(({ type, name }, index): HistoryEntry[] => {
    const version = String(index + 1);
    const uid = live.get(name) ?? `uid-${version}`;
    if (type === "write") live.set(name, uid);
    else if (!live.delete(name)) return [];
    return [{ type: type === "write" ? "applied" : "deleted", object: configMap(name, version, { uid }) }];
  });
}

it("ends as the server did, however late the own writes are remembered", () => {
  const lateness = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 40, size: "max" }), lateness, (writes, late) => {
      const history = historyOf(writes);
      const cache = new ObjectCache<ConfigMap, string | undefined>({
        project: ({ metadata }) => metadata.resourceVersion,
        indexers: {},
        namespaced: false,
      });
      const expected = new Map<string, string | undefined>();
      // The answer to a write may come before or after the watch has told of it.
      const arrivals = history.flatMap((entry, index) => [
        { at: index, act: () => watch(entry) },
        ...(entry.type === "applied"
          ? [{ at: index + (late[index] ?? 0) + 0.5, act: () => cache.remember(entry.object) }]
          : []),
      ]);
      const watch = ({ type, object }: HistoryEntry): void => {
        const { name, resourceVersion = "" } = object.metadata;
        if (type === "applied") cache.apply(object);
        else cache.remove(object);
        cache.observed(undefined, resourceVersion);
        if (type === "applied") expected.set(name, resourceVersion);
        else expected.delete(name);
      };
      for (const { act } of arrivals.sort((one, other) => one.at - other.at)) act();
      expect(new Set(cache.list())).toEqual(new Set(expected.values()));
    }),
    { numRuns: 500 },
  );
});
