import { resources } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClusterLab, openLab, reasonOf } from "./support/cluster-lab.ts";

const workspace = { size: "64Mi" };

let lab: ClusterLab;
beforeAll(async () => {
  lab = await openLab("turns");
});
afterAll(() => lab[Symbol.asyncDispose]());

test("runs of a service take turns in one volume, of which the agent sees its own part alone", async () => {
  const [one, two] = ["The first in turn", "The second in turn"];
  await lab.model.hold(one);
  const first = await lab.implement("first", {
    workspace,
    repository: await lab.repository("turns-one", [{ id: 1, title: one }]),
    verify: ['mkdir -p "$HOME/.cache"', 'echo kept > "$HOME/.cache/by-first"'],
  });
  await lab.model.held(one);
  const second = await lab.implement("second", {
    workspace,
    repository: await lab.repository("turns-two", [{ id: 1, title: two }]),
    verify: ['grep kept "$HOME/.cache/by-first"'],
  });
  const pod = await lab.pod(first);
  const seen = await lab.exec(pod, "agent", ["sh", "-c", "ls /workspace; ls -d /workspace/gateway; id -g"]);
  expect(seen.stdout).not.toContain("repository.git");
  expect(seen.stderr).toContain("No such file or directory");
  const waiting = await lab.until(second, "waits for its turn", (status) => reasonOf(status) === "WorkspaceInUse");
  expect(waiting.status?.message).toContain(`in use by TaskImplementationRun first (pod ${pod.metadata.name}`);

  await lab.model.release(one);
  expect(await lab.end(first)).toMatchObject({ phase: "Succeeded" });
  expect(await lab.end(second)).toMatchObject({ phase: "Succeeded" });
  const { items } = await lab.client.list(resources.persistentVolumeClaims, {
    namespace: lab.namespace,
    signal: AbortSignal.timeout(30_000),
  });
  expect(items.map(({ metadata }) => metadata.labels?.["orchestrator.io/service"])).toEqual(["greeter"]);
});

test("a run without a repository leaves its work in the volume", async () => {
  const task = { filename: "task.md", fileType: "task", content: "# Greet in French\n\nSay bonjour.\n" };
  const run = await lab.implement("alone", { workspace, serviceName: "alone", markdownFiles: [task] });
  const { phase, result } = await lab.end(run);
  expect({ phase, result }).toMatchObject({ phase: "Succeeded", result: { commit: expect.any(String) as string } });
  expect(result).not.toHaveProperty("pullRequest");
});
