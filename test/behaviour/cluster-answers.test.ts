import { resources } from "@orchestrator/controller-runtime";
import { expect, onTestFinished, test } from "vitest";
import { adminClient, kubectl } from "../support/cluster.ts";
import { createNamespace } from "../support/namespace.ts";

test("kubectl and the client see the same namespace", async () => {
  const client = await adminClient();
  onTestFinished(() => client.close());
  await using namespace = await createNamespace(client, "cluster-answers");
  const { code, stdout } = await kubectl(["get", "namespace", namespace.name, "-o", "name"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `namespace/${namespace.name}\n` });
  const signal = AbortSignal.timeout(60_000);
  expect((await client.get(resources.namespaces, { name: namespace.name }, { signal })).metadata.name).toBe(
    namespace.name,
  );
});
