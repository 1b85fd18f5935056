import type { RunObject } from "@orchestrator/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { backlog } from "../support/backlog.ts";
import { kubectlOk } from "../support/cluster.ts";
import { docsRuns, implementationRuns, waitForRun } from "../support/runs.ts";
import { forgeSecret, type RepositorySpec, startWorkbench, type Workbench } from "../support/workbench.ts";

const tasksFile = ".taskmaster/tasks/tasks.json";

let bench: Workbench;
beforeAll(async () => {
  bench = await startWorkbench("bad-input");
  const stack = new AsyncDisposableStack();
  stack.use(bench);
  stack.use(await bench.operator("docs-generation-operator"));
  stack.use(await bench.operator("task-implementation-operator"));
  bench[Symbol.asyncDispose] = () => stack.disposeAsync();
});
afterAll(() => bench[Symbol.asyncDispose]());

interface BadEnding {
  name: string;
  reason: string;
  /** What the reader of the status must be told. */
  tells: (string | RegExp)[];
  run: () => Promise<RunObject>;
  /** Whether the model may have been asked. Default: it must not have been. */
  costs?: true;
}

const docsOf = (
  name: string,
  files: Record<string, string>,
  spec: (repository: RepositorySpec) => Record<string, unknown> = () => ({}),
): (() => Promise<RunObject>) => {
  return async () => {
    const repository = await bench.repository(name, files);
    return bench.docs(name, { repository, ...spec(repository) });
  };
};

const good = backlog([{ id: 1 }, { id: 2 }, { id: 4 }]);

const endings: BadEnding[] = [
  {
    name: "no-tasks-file",
    reason: "InvalidInput",
    tells: [tasksFile],
    run: docsOf("no-tasks-file", { "README.md": "# Nothing\n" }),
  },
  {
    name: "residue-after-json",
    reason: "InvalidInput",
    tells: [tasksFile, "line 2", "column 1"],
    run: docsOf("residue-after-json", { [tasksFile]: '{"tasks":[{"id":1,"title":"one"}]}\n}\n' }),
  },
  {
    name: "unknown-target",
    reason: "InvalidInput",
    tells: ["7", "1-2,4"],
    run: docsOf("unknown-target", good, () => ({ targetTasks: [1, 7] })),
  },
  {
    name: "no-such-branch",
    reason: "BranchNotFound",
    tells: ["develop"],
    run: docsOf("no-such-branch", good, (repository) => ({ repository: { ...repository, branch: "develop" } })),
  },
  {
    name: "wrong-token",
    reason: "RepositoryAuthFailed",
    tells: ["token", "wrong-token"],
    run: async () => {
      await bench.secret("wrong-token", { token: "not-the-token-of-this-forge", host: new URL(bench.forge.url).host });
      return docsOf("wrong-token", good, (repository) => ({
        repository: { ...repository, secretRef: { name: "wrong-token" } },
      }))();
    },
  },
  {
    name: "token-for-another-host",
    reason: "RepositoryAuthFailed",
    tells: ["forge.example", "127.0.0.1"],
    run: async () => {
      await bench.secret("other-host", { token: bench.forge.token, host: "forge.example" });
      return docsOf("token-for-another-host", good, (repository) => ({
        repository: { ...repository, secretRef: { name: "other-host" } },
      }))();
    },
  },
  {
    name: "missing-repository-secret",
    reason: "MissingSecret",
    tells: ["not-there"],
    run: docsOf("missing-repository-secret", good, (repository) => ({
      repository: { ...repository, secretRef: { name: "not-there" } },
    })),
  },
  {
    name: "missing-model-secret",
    reason: "MissingSecret",
    tells: ["no-such-model", "api-key"],
    run: docsOf("missing-model-secret", good, () => ({ modelSecretRef: { name: "no-such-model" } })),
  },
  {
    name: "missing-key",
    reason: "MissingSecret",
    tells: [forgeSecret, "api-key"],
    run: docsOf("missing-key", good, () => ({ modelSecretRef: { name: forgeSecret } })),
  },
  {
    name: "agent-without-result",
    reason: "NoResult",
    tells: [/result/],
    costs: true,
    run: async () => {
      const repository = await bench.repository(
        "agent-without-result",
        backlog([{ id: 1, details: "[[rehearse:kill-agent]]" }]),
      );
      return bench.implementation("agent-without-result", { repository, retryConfig: { maxAgentRetries: 0 } });
    },
  },
  {
    name: "nothing-changed",
    reason: "NothingDelivered",
    tells: [],
    costs: true,
    run: async () => {
      const repository = await bench.repository(
        "nothing-changed",
        backlog([{ id: 1, details: "[[rehearse:nothing]]" }]),
      );
      return bench.implementation("nothing-changed", { repository, retryConfig: { maxAgentRetries: 0 } });
    },
  },
  {
    name: "model-refuses-the-key",
    reason: "ModelAuthFailed",
    tells: ["orchestrator-model"],
    costs: true,
    run: docsOf("model-refuses-the-key", backlog([{ id: 1, details: "[[rehearse:http-401]]" }])),
  },
];

describe.concurrent("a run ends as Failed, in its one attempt, and names what is wrong", () => {
  test.each(endings)("$name: $reason", async ({ name, reason, tells, run, costs }) => {
    const object = await run();
    await kubectlOk(["apply", "-f", "-"], { input: JSON.stringify(object) });
    const type = object.kind === docsRuns.kind ? docsRuns : implementationRuns;
    const failed = await waitForRun(bench.client, type, { namespace: bench.namespace, name }, "fails", ({ phase }) =>
      ["Failed", "Succeeded"].includes(phase ?? ""),
    );
    expect(failed.status).toMatchObject({ phase: "Failed", attempts: [{ number: 1, outcome: "Failed", reason }] });
    expect(failed.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "Succeeded", status: "False", reason }),
    );
    for (const part of tells)
      expect(failed.status?.message).toMatch(part instanceof RegExp ? part : new RegExp(escape(part)));
    const turns = failed.status?.usage?.turns ?? 0;
    expect(costs ? 0 : turns).toBe(0);
    expect(bench.forge.pullRequests(name)).toEqual([]);
    expect(JSON.stringify(failed.status)).not.toContain(bench.forge.token);
  });

  test("incomplete documents: IncompleteDocs, and the complete task is delivered", async () => {
    const repository = await bench.repository(
      "incomplete",
      backlog([
        { id: 1 },
        { id: 2, details: "[[rehearse:one-file-missing]]" },
        { id: 3, details: "[[rehearse:broken-document]]" },
      ]),
    );
    const object = bench.docs("incomplete", { repository, outputFormat: "MDX" });
    await kubectlOk(["apply", "-f", "-"], { input: JSON.stringify(object) });
    const key = { namespace: bench.namespace, name: "incomplete" };
    const failed = await waitForRun(bench.client, docsRuns, key, "fails", ({ phase }) => phase === "Failed");
    expect(failed.status).toMatchObject({
      phase: "Failed",
      attempts: [{ reason: "IncompleteDocs" }],
      tasks: { total: 3, delivered: 1, failed: 2, notDelivered: [{ id: 2 }, { id: 3 }] },
      result: { pullRequest: { number: 1 } },
    });
    expect(bench.forge.pullRequests("incomplete")).toHaveLength(1);
  });

  test("an image without the agent: AgentMissing", async () => {
    const repository = await bench.repository("agent-missing", good);
    const pod = { ...bench.node.place, image: "orchestrator/docs-generation-operator:dev" };
    const object = bench.docs("agent-missing", { repository, pod });
    await kubectlOk(["apply", "-f", "-"], { input: JSON.stringify(object) });
    const key = { namespace: bench.namespace, name: "agent-missing" };
    const failed = await waitForRun(bench.client, docsRuns, key, "fails", ({ phase }) => phase === "Failed");
    expect(failed.status).toMatchObject({ attempts: [{ reason: "AgentMissing" }] });
    expect(failed.status?.message).toContain("spec.pod.image");
  });
});

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
