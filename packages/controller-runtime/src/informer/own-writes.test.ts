import { describe, expect, it } from "vitest";
import { ApiError, ServerUnreachableError } from "../client/api-error.ts";
import type { ConfigMap } from "../resources/objects.ts";
import { configMap } from "../testing/objects.ts";
import { ObjectCache } from "./object-cache.ts";
import { OwnWrites } from "./own-writes.ts";

const key = { namespace: "one", name: "a" };
const { signal } = new AbortController();
const unreachable = new ServerUnreachableError({ server: "x", method: "PATCH", path: "/", cause: new Error("reset") });
const answered = (status: number, reason: string) => new ApiError({ status, reason, message: reason });

/** A cache that has seen version 5, and a server that answers reads with `stored`. */
function setUp(stored: ConfigMap | undefined) {
  const cache = new ObjectCache<ConfigMap, string | undefined>({
    project: ({ metadata }) => metadata.resourceVersion,
    indexers: {},
    namespaced: false,
  });
  cache.apply(configMap("a", "5"));
  cache.observed(undefined, "5");
  let reads = 0;
  const writes = new OwnWrites(cache, async () => {
    reads += 1;
    if (stored === undefined) throw answered(404, "NotFound");
    return stored;
  });
  const fail = (error: unknown) => writes.write(key, () => Promise.reject(error)).catch(() => undefined);
  return { cache, writes, fail, reads: () => reads };
}

describe("a write that is answered", () => {
  it("is in the cache, and costs no read", async () => {
    const { cache, writes, reads } = setUp(undefined);
    await writes.write(key, async () => configMap("a", "9"));
    await writes.confirm(key, signal);
    expect(cache.get(key)).toBe("9");
    expect(reads()).toBe(0);
  });

  it("is not undone by a lagging watch", async () => {
    const { cache, writes } = setUp(undefined);
    await writes.write(key, async () => configMap("a", "9"));
    for (const version of ["6", "7", "8"]) {
      cache.apply(configMap("a", version));
      cache.observed(undefined, version);
    }
    expect(cache.get(key)).toBe("9");
  });

  it("takes the object out when it is gone", async () => {
    const { cache, writes } = setUp(undefined);
    await writes.write(key, async () => undefined);
    cache.apply(configMap("a", "6"));
    expect(cache.get(key)).toBeUndefined();
  });
});

describe("a write whose answer is lost", () => {
  it.each([
    { name: "no answer", error: unreachable },
    { name: "an error of the server's own", error: answered(504, "Timeout") },
    { name: "an abort", error: new Error("enough") },
  ])("by $name is looked for once, before the next decision", async ({ error }) => {
    const { cache, writes, fail, reads } = setUp(configMap("a", "9"));
    await fail(error);
    expect(cache.get(key)).toBe("5");
    await writes.confirm(key, signal);
    await writes.confirm(key, signal);
    expect(cache.get(key)).toBe("9");
    expect(reads()).toBe(1);
  });

  it("is not answered by the absence of an object that has come since", async () => {
    const { cache, writes } = setUp(undefined);
    await writes.write(key, async () => {
      cache.apply(configMap("a", "7", { uid: "next" }));
      return undefined;
    });
    expect(cache.get(key)).toBe("7");
  });

  it("may have deleted the object", async () => {
    const { cache, writes, fail } = setUp(undefined);
    await fail(unreachable);
    await writes.confirm(key, signal);
    expect(cache.get(key)).toBeUndefined();
  });

  it("does not bring back what the watch knows better", async () => {
    const { cache, writes, fail } = setUp(configMap("a", "9"));
    await fail(unreachable);
    cache.apply(configMap("a", "12"));
    cache.observed(undefined, "12");
    await writes.confirm(key, signal);
    expect(cache.get(key)).toBe("12");
  });

  it("stays in doubt while it cannot be read", async () => {
    const cache = setUp(undefined).cache;
    let reads = 0;
    const writes = new OwnWrites(cache, () => Promise.reject((reads += 1) && unreachable));
    await writes.write(key, () => Promise.reject(unreachable)).catch(() => undefined);
    await expect(writes.confirm(key, signal)).rejects.toBe(unreachable);
    await expect(writes.confirm(key, signal)).rejects.toBe(unreachable);
    expect(reads).toBe(2);
  });

  it("concerns its own object alone", async () => {
    const { writes, fail, reads } = setUp(undefined);
    await fail(unreachable);
    await writes.confirm({ namespace: "one", name: "b" }, signal);
    expect(reads()).toBe(0);
  });
});

it("a write that is refused did not happen, and costs no read", async () => {
  const { cache, writes, fail, reads } = setUp(undefined);
  await fail(answered(409, "Conflict"));
  await fail(answered(429, "TooManyRequests"));
  await writes.confirm(key, signal);
  expect(cache.get(key)).toBe("5");
  expect(reads()).toBe(0);
});
