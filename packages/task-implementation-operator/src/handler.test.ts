import { type AttemptRequest, noUsage, planOf, runInputs, taskImplementationRunSpec } from "@orchestrator/core";
import { describe, expect, it } from "vitest";
import { handler } from "./handler.ts";

const { timing } = planOf({}, handler.defaults);

function create(spec: Record<string, unknown> = {}, more: Partial<AttemptRequest<unknown>> = {}) {
  const repository = { url: "https://github.com/example/backlog" };
  const parsed = taskImplementationRunSpec.parse({
    repository,
    taskId: 7,
    serviceName: "greeter",
    agentName: "ada",
    ...spec,
  });
  return handler.createResources({
    run: {
      apiVersion: "orchestrator.io/v1",
      kind: "TaskImplementationRun",
      namespace: "team-a",
      name: "t7",
      uid: "u",
      spec: parsed,
    },
    attempt: { number: 1, round: 1, name: "task-t7-1" },
    timing: planOf(spec, handler.defaults).timing,
    spent: noUsage,
    ...(more as object),
    settings: {
      agentImage: "agent:1",
      modelBaseUrl: "https://model.example",
      modelSecretName: "model",
      keepWork: true,
      workspaceAccessMode: "ReadWriteOnce",
      gracePeriodMs: 90_000,
    },
  });
}

describe("an implementation's attempt", () => {
  it("is told the task, the service and the agent, which its labels tell too", () => {
    const { configMap, job } = create();
    expect(runInputs.parse(JSON.parse(configMap.data?.["run.json"] ?? ""))).toMatchObject({
      kind: "TaskImplementationRun",
      model: "sonnet",
      taskId: 7,
      serviceName: "greeter",
      agentName: "ada",
      timeoutSeconds: 7200,
      markdownFiles: [],
    });
    expect(job.metadata.labels).toMatchObject({
      "orchestrator.io/task-id": "7",
      "orchestrator.io/service": "greeter",
      "orchestrator.io/agent": "ada",
    });
    expect(configMap.data?.["prompt.md"]).toContain("greeter");
    expect(Object.keys(configMap.data ?? {})).not.toContain("stop-hook.sh");
  });

  it("is told of its round: what is asked in addition, what to check, what may be spent and what there is", () => {
    const asked = { contextVersion: 2, followUp: "Handle empty names.", verify: ["npm test"], budget: { maxTurns: 9 } };
    const resume = { session: true, required: true, previous: { reason: "NodeLost", message: "it is gone" } };
    const { data = {} } = create(
      { ...asked, stallTimeout: "1m" },
      { resume, spent: { ...noUsage, turns: 4 } },
    ).configMap;
    expect(JSON.parse(data["run.json"] ?? "")).toMatchObject({
      round: 1,
      attempt: 1,
      followUp: asked.followUp,
      verify: asked.verify,
      budget: asked.budget,
      stallTimeoutSeconds: 60,
      spent: { turns: 4 },
      resume,
    });
    expect(JSON.parse(create().configMap.data?.["run.json"] ?? "")).toMatchObject({ verify: [] });
  });

  it("works in the service's workspace, and without a repository stays there", () => {
    const workspace = { size: "1Gi", storageClassName: "fast" };
    const { configMap, job } = create({ workspace });
    const claim = expect.stringMatching(/^workspace-greeter-[0-9a-f]{10}$/) as string;
    expect(JSON.parse(configMap.data?.["run.json"] ?? "")).toMatchObject({
      repository: { url: "https://github.com/example/backlog", provider: "GitHub" },
      workspace: { claim },
    });
    expect(job.spec.template.spec.volumes).toContainEqual({
      name: "workspace",
      persistentVolumeClaim: { claimName: claim },
    });
    const markdownFiles = [{ filename: "task.md", content: "# A", fileType: "task" }];
    const { configMap: staying } = create({ repository: undefined, workspace, markdownFiles });
    expect(runInputs.parse(JSON.parse(staying.data?.["run.json"] ?? ""))).toMatchObject({
      repository: { url: "file:///run/orchestrator/workspace/repository.git", branch: "main", provider: "None" },
      workspace: { claim },
    });
    expect(JSON.parse(create().configMap.data?.["run.json"] ?? "")).not.toHaveProperty("workspace");
  });

  it("is given the run's files, each under a name of its own", () => {
    const markdownFiles = [
      { filename: "a.md", content: "# A", fileType: "task" },
      { filename: "docs/a.md", content: "# B", fileType: "context" },
    ];
    const { data = {} } = create({ markdownFiles }).configMap;
    const { markdownFiles: listed } = runInputs.parse(JSON.parse(data["run.json"] ?? "")) as {
      markdownFiles: { filename: string; key: string }[];
    };
    expect(listed.map(({ filename, key }) => [filename, data[key]])).toEqual([
      ["a.md", "# A"],
      ["docs/a.md", "# B"],
    ]);
  });

  it("is given MCP servers only where the run defines some", () => {
    const config = { command: "github-mcp" };
    const { data = {} } = create({ agentTools: [{ name: "mcp__github", config }] }).configMap;
    expect(JSON.parse(data["mcp-servers.json"] ?? "")).toEqual({ mcpServers: { github: config } });
    expect(create({ agentTools: [{ name: "WebFetch", enabled: false }] }).configMap.data).not.toHaveProperty(
      "mcp-servers.json",
    );
  });
});

it("asks for a workspace where its spec does, whatever else that says", () => {
  const wish = { serviceName: "greeter", workspace: { size: "1Gi" } };
  expect(handler.workspaceOf?.({ ...wish, repository: { url: "ssh://elsewhere" } })).toEqual(wish);
  for (const spec of [{ serviceName: "greeter" }, { ...wish, workspace: {} }, undefined]) {
    expect(handler.workspaceOf?.(spec)).toBeUndefined();
  }
});

it("stands where its pod stands", () => {
  const run = {
    namespace: "team-a",
    name: "t7",
    uid: "u",
    resourceVersion: "1",
    generation: 1,
    createdAt: 0,
    deleting: false,
    spec: {},
    plan: planOf({}, handler.defaults),
    status: { phase: "Pending" as const },
  };
  const observation = {
    run,
    attempt: { number: 1, round: 1, name: "task-t7-1" },
    jobSeen: false,
    others: { jobs: [], pods: [] },
  };
  expect(handler.checkStatus(observation, timing, 0)).toEqual({ state: { type: "notStarted" } });
});
