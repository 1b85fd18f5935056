import { describe, expect, it } from "vitest";
import type { ConfigMap } from "../resources/objects.ts";
import { configMap } from "../testing/objects.ts";
import { ObjectCache } from "./object-cache.ts";

const a = { namespace: "one", name: "a" };

function newCache(options: { namespaced?: boolean } = {}) {
  return new ObjectCache<ConfigMap, { version: string | undefined; label: string | undefined }>({
    project: (object) => ({ version: object.metadata.resourceVersion, label: object.metadata.labels?.["label"] }),
    indexers: { byLabel: ({ label }) => (label === undefined ? [] : [label]) },
    namespaced: options.namespaced ?? false,
  });
}

describe("taking in an object", () => {
  it("tells of its addition, then of changes with what it was", () => {
    const cache = newCache();
    const old = { version: "1", label: undefined };
    const current = { version: "2", label: undefined };
    expect(cache.apply(configMap("a", "1"))).toEqual([{ type: "added", key: a, current: old }]);
    expect(cache.apply(configMap("a", "2"))).toEqual([{ type: "updated", key: a, old, current }]);
    expect(cache.get(a)).toEqual(current);
  });

  it.each([
    { name: "again", version: "10" },
    { name: "in an older version", version: "9" },
  ])("$name changes nothing", ({ version }) => {
    const cache = newCache();
    cache.apply(configMap("a", "10"));
    expect(cache.apply(configMap("a", version))).toEqual([]);
    expect(cache.get(a)?.version).toBe("10");
  });

  it("of another UID is a deletion and an addition", () => {
    const cache = newCache();
    cache.apply(configMap("a", "1"));
    expect(cache.apply(configMap("a", "2", { uid: "other" })).map(({ type }) => type)).toEqual(["deleted", "added"]);
  });

  it("of an earlier life changes nothing", () => {
    const cache = newCache();
    cache.apply(configMap("a", "5", { uid: "later" }));
    expect(cache.apply(configMap("a", "3", { uid: "earlier" }))).toEqual([]);
    expect(cache.remove(configMap("a", "4", { uid: "earlier" }))).toEqual([]);
    expect(cache.get(a)?.version).toBe("5");
  });
});

describe("removing an object", () => {
  it("tells what it was", () => {
    const cache = newCache();
    cache.apply(configMap("a", "1"));
    expect(cache.remove(configMap("a", "2"))).toEqual([
      { type: "deleted", key: a, old: { version: "1", label: undefined } },
    ]);
    expect(cache.get(a)).toBeUndefined();
  });

  it("that is not there changes nothing", () => {
    expect(newCache().remove(configMap("a", "2"))).toEqual([]);
  });
});

describe("an index", () => {
  const labelled = (name: string, version: string, label: string) => configMap(name, version, { labels: { label } });

  it("finds objects by their present value alone", () => {
    const cache = newCache();
    cache.apply(labelled("a", "1", "x"));
    cache.apply(labelled("b", "2", "x"));
    cache.apply(labelled("a", "3", "y"));
    expect(cache.byIndex("byLabel", "x").map(({ version }) => version)).toEqual(["2"]);
    expect(cache.byIndex("byLabel", "y").map(({ version }) => version)).toEqual(["3"]);
    cache.remove(labelled("b", "4", "x"));
    expect(cache.byIndex("byLabel", "x")).toEqual([]);
  });

  it("that does not exist is an error, not an empty answer", () => {
    expect(() => newCache().byIndex("byName", "x")).toThrow('no index "byName"');
  });
});

describe("the end of a list", () => {
  it("removes what the list did not hold", () => {
    const cache = newCache();
    cache.apply(configMap("a", "1"));
    cache.apply(configMap("b", "2"));
    cache.beginList(undefined);
    cache.applyListed(configMap("b", "2"));
    expect(cache.endList(undefined, "9").map(({ type, key }) => [type, key.name])).toEqual([["deleted", "a"]]);
    expect(cache.list()).toEqual([{ version: "2", label: undefined }]);
  });

  it("removes what only a list before it held, also one that did not come to its end", () => {
    const cache = newCache();
    cache.beginList(undefined);
    cache.applyListed(configMap("a", "1"));
    cache.beginList(undefined);
    expect(cache.endList(undefined, "9").map(({ type }) => type)).toEqual(["deleted"]);
  });

  it("keeps what was written after it, and not what was written before it and is gone since", () => {
    const cache = newCache();
    cache.beginList(undefined);
    cache.remember(configMap("a", "12"));
    cache.remember(configMap("b", "8"));
    cache.endList(undefined, "9");
    expect(cache.list().map(({ version }) => version)).toEqual(["12"]);
  });

  it("of one namespace leaves the others alone", () => {
    const cache = newCache({ namespaced: true });
    cache.apply(configMap("a", "1"));
    cache.beginList("two");
    cache.applyListed(configMap("a", "2", { namespace: "two" }));
    cache.beginList("one");
    cache.endList("one", "9");
    cache.endList("two", "9");
    expect(cache.list()).toEqual([{ version: "2", label: undefined }]);
  });

  it("after the server's history went back takes the older versions", () => {
    const cache = newCache();
    cache.apply(configMap("a", "100"));
    cache.observed(undefined, "100");
    cache.restored(undefined);
    cache.beginList(undefined);
    expect(cache.applyListed(configMap("a", "40")).map(({ type }) => type)).toEqual(["updated"]);
    cache.endList(undefined, "50");
    expect(cache.apply(configMap("a", "51")).map(({ type }) => type)).toEqual(["updated"]);
  });
});

describe("an own write that deleted the object", () => {
  function deleted() {
    const cache = newCache();
    cache.apply(configMap("a", "7", { labels: { label: "x" } }));
    cache.rememberDeleted(a, "uid-a");
    return cache;
  }

  it("is not one of another object of that name", () => {
    const cache = newCache();
    cache.apply(configMap("a", "9", { uid: "next" }));
    cache.rememberDeleted(a, "uid-a");
    expect(cache.get(a)?.version).toBe("9");
  });

  it("takes it out at once, and the watch still tells of the deletion", () => {
    const cache = deleted();
    expect(cache.get(a)).toBeUndefined();
    expect(cache.byIndex("byLabel", "x")).toEqual([]);
    expect(cache.remove(configMap("a", "8"))).toEqual([{ type: "deleted", key: a, old: { version: "7", label: "x" } }]);
    expect(cache.remove(configMap("a", "8"))).toEqual([]);
  });

  it("is not undone by what the watch tells of the same life", () => {
    const cache = deleted();
    expect(cache.apply(configMap("a", "8"))).toEqual([]);
    expect(cache.get(a)).toBeUndefined();
  });

  it("is not undone by what the watch tells of a life before", () => {
    const cache = deleted();
    expect(cache.apply(configMap("a", "6", { uid: "before" }))).toEqual([]);
    expect(cache.get(a)).toBeUndefined();
  });

  it("is not undone after a list that was made before it", () => {
    const cache = deleted();
    cache.beginList(undefined);
    expect(cache.applyListed(configMap("a", "7"))).toEqual([]);
    expect(cache.endList(undefined, "7")).toEqual([]);
    expect(cache.apply(configMap("a", "8"))).toEqual([]);
    expect(cache.remove(configMap("a", "9")).map(({ type }) => type)).toEqual(["deleted"]);
  });

  it("is undone by a restored server that has the object", () => {
    const cache = deleted();
    cache.restored(undefined);
    cache.beginList(undefined);
    expect(cache.applyListed(configMap("a", "5")).map(({ type }) => type)).toEqual(["updated"]);
    expect(cache.get(a)?.version).toBe("5");
  });

  it("does not hide the next object of that name", () => {
    const cache = deleted();
    const changes = cache.apply(configMap("a", "9", { uid: "next" }));
    expect(changes.map(({ type }) => type)).toEqual(["deleted", "added"]);
    expect(cache.get(a)?.version).toBe("9");
    expect(cache.remove(configMap("a", "8"))).toEqual([]);
  });

  it("is told of by a list that does not hold it", () => {
    const cache = deleted();
    cache.beginList(undefined);
    expect(cache.endList(undefined, "9").map(({ type }) => type)).toEqual(["deleted"]);
  });
});

describe("remembering an own write", () => {
  it("shows it at once, and makes the watch's echo no change", () => {
    const cache = newCache();
    cache.remember(configMap("a", "7"));
    expect(cache.get(a)?.version).toBe("7");
    expect(cache.apply(configMap("a", "7"))).toEqual([]);
    expect(cache.apply(configMap("a", "8")).map(({ type }) => type)).toEqual(["updated"]);
  });

  it("is indexed", () => {
    const cache = newCache();
    cache.remember(configMap("a", "7", { labels: { label: "x" } }));
    expect(cache.byIndex("byLabel", "x")).toHaveLength(1);
  });

  it("does not go back to a version older than the cached one", () => {
    const cache = newCache();
    cache.apply(configMap("a", "10"));
    cache.remember(configMap("a", "9"));
    expect(cache.get(a)?.version).toBe("10");
  });

  it("does not bring back what was deleted since", () => {
    const cache = newCache();
    cache.apply(configMap("a", "7"));
    cache.remove(configMap("a", "8"));
    cache.observed(undefined, "8");
    cache.remember(configMap("a", "7"));
    expect(cache.get(a)).toBeUndefined();
  });

  it("heeds how far its own namespace has come", () => {
    const cache = newCache({ namespaced: true });
    cache.observed("two", "100");
    cache.remember(configMap("a", "7"));
    cache.remember(configMap("a", "8", { namespace: "two" }));
    expect(cache.list().map(({ version }) => version)).toEqual(["7"]);
  });
});
