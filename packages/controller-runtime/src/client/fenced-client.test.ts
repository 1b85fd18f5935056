import { expect, it } from "vitest";
import { resources } from "../resources/resources.ts";
import { configMap } from "../testing/objects.ts";
import { fencedClient, type ReconcileClient } from "./fenced-client.ts";

const { signal } = new AbortController();
const key = { namespace: "one", name: "a" };

it("a fenced client makes no write once the check throws, and still reads", async () => {
  const made: string[] = [];
  const make = (name: string) => async () => {
    made.push(name);
    return configMap("a", "1");
  };
  const client = { get: make("get"), create: make("create"), patch: make("patch"), delete: make("delete") };
  let leading = true;
  const fenced = fencedClient(client as unknown as ReconcileClient, () => {
    if (!leading) throw new Error("not leading");
  });
  const type = resources.configMaps;
  const writes = [
    () => fenced.create(type, configMap("a", ""), { signal }),
    () => fenced.patch(type, key, {}, { type: "merge", signal }),
    () => fenced.delete(type, key, { signal }),
  ];
  for (const write of writes) await write();
  expect(made.splice(0)).toEqual(["create", "patch", "delete"]);
  leading = false;
  for (const write of writes) await expect(write()).rejects.toThrow("not leading");
  await fenced.get(type, key, { signal });
  expect(made).toEqual(["get"]);
});
