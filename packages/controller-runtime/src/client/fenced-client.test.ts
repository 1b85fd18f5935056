import { expect, it } from "vitest";
import { resources } from "../resources/resources.ts";
import { configMap } from "../testing/objects.ts";
import { json, ScriptedServer } from "../testing/scripted-server.ts";
import { fencedClient } from "./fenced-client.ts";
import { KubernetesClient } from "./kubernetes-client.ts";

const { signal } = new AbortController();
const key = { namespace: "one", name: "a" };

it("a fenced client makes no write once the fence throws, and still reads", async () => {
  const server = await new ScriptedServer().start();
  server.otherwise = json(200, configMap("a", "1"));
  const client = new KubernetesClient({ connection: server.connection, userAgent: "test" });
  const made = (): string[] => server.requests.splice(0).map(({ method }) => method);
  let leading = true;
  const fenced = fencedClient(client, () => {
    if (!leading) throw new Error("not leading");
  });
  const type = resources.configMaps;
  const writes = [
    () => fenced.create(type, configMap("a", ""), { signal }),
    () => fenced.patch(type, key, {}, { type: "merge", signal }),
    () => fenced.delete(type, key, { signal }),
  ];
  for (const write of writes) await write();
  expect(made()).toEqual(["POST", "PATCH", "DELETE"]);
  leading = false;
  for (const write of writes) await expect(write()).rejects.toThrow("not leading");
  await fenced.get(type, key, { signal });
  expect(made()).toEqual(["GET"]);
  await client.close();
  await server.close();
});
