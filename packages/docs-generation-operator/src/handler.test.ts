import {
  checkAttempt,
  type DocsGenerationRunSpec,
  docsGenerationRunSpec,
  noUsage,
  type Observation,
  planOf,
  runInputs,
} from "@orchestrator/core";
import { describe, expect, it } from "vitest";
import { handler } from "./handler.ts";

const { timing } = planOf({}, handler.defaults);

function create(spec: Record<string, unknown> = {}, caBundle?: string) {
  const repository = { url: "https://github.com/example/backlog", secretRef: { name: "forge" } };
  const parsed: DocsGenerationRunSpec = docsGenerationRunSpec.parse({ repository, ...spec });
  return handler.createResources({
    run: {
      apiVersion: "orchestrator.io/v1",
      kind: "DocsGenerationRun",
      namespace: "team-a",
      name: "docs",
      uid: "u",
      spec: parsed,
    },
    attempt: { number: 1, round: 1, name: "docs-docs-1" },
    timing,
    spent: noUsage,
    settings: {
      agentImage: "agent:1",
      modelBaseUrl: "https://model.example",
      modelSecretName: "model",
      keepWork: true,
      caBundle,
      workspaceAccessMode: "ReadWriteOnce",
      gracePeriodMs: 90_000,
    },
  });
}

describe("a docs run's attempt", () => {
  it("is told what the run asks for", () => {
    const { configMap } = create({ targetTasks: [1, 3], parallelism: 2, outputFormat: "MDX", force: true });
    expect(runInputs.parse(JSON.parse(configMap.data?.["run.json"] ?? ""))).toEqual({
      version: 1,
      kind: "DocsGenerationRun",
      name: "docs",
      namespace: "team-a",
      uid: "u",
      round: 1,
      attempt: 1,
      model: "opus",
      modelBaseUrl: "https://model.example",
      modelSecretName: "model",
      repository: {
        url: "https://github.com/example/backlog",
        branch: "main",
        provider: "GitHub",
        secretName: "forge",
      },
      branch: expect.stringMatching(/^orchestrator\/docs\/docs-/) as unknown,
      workingDirectory: ".",
      tag: "master",
      timeoutSeconds: 3600,
      stallTimeoutSeconds: 900,
      spent: noUsage,
      keepWork: true,
      targetTasks: [1, 3],
      force: true,
      outputFormat: "MDX",
      parallelism: 2,
    });
  });

  it("has settings, scripts, the stop hook and a prompt that names its folder and format", () => {
    const { configMap } = create({ workingDirectory: "services/a", outputFormat: "AsciiDoc" });
    const { data = {} } = configMap;
    expect(Object.keys(data).toSorted()).toEqual(
      ["agent.sh", "prepare.sh", "prompt.md", "run.json", "settings.json", "stop-hook.sh"].toSorted(),
    );
    expect(JSON.parse(data["settings.json"] ?? "")).toMatchObject({ model: "opus", hooks: { Stop: [{}] } });
    expect(data["prompt.md"]).toContain("services/a/.taskmaster/docs");
    expect(data["prompt.md"]).toContain("AsciiDoc");
  });

  it("trusts the operator's authorities, and uses the run's own Secrets", () => {
    const { configMap, job } = create({ modelSecretRef: { name: "own-model" } }, "PEM");
    expect(configMap.data?.["ca.crt"]).toBe("PEM");
    const secrets = job.spec.template.spec.volumes?.flatMap(({ secret }) => secret?.secretName ?? []);
    expect(secrets).toEqual(["own-model", "forge"]);
  });

  it("may use the repository without credentials, at any provider", () => {
    const repository = { url: "https://forge.example/a/b", provider: "None" };
    const { configMap } = create({ repository });
    expect(JSON.parse(configMap.data?.["run.json"] ?? "")).toMatchObject({ repository: { provider: "None" } });
    const enterprise = { url: "https://ghe.example/a/b", provider: "GitHub", apiUrl: "https://ghe.example/api/v3" };
    expect(create({ repository: enterprise }).configMap.data?.["run.json"]).toContain(enterprise.apiUrl);
  });
});

describe("a docs run's status", () => {
  const job = {
    namespace: "team-a",
    name: "docs-docs-1",
    uid: "j",
    runName: "docs",
    runUid: "u",
    round: 1,
    createdAt: 0,
    deleting: false,
  };
  const run = {
    namespace: "team-a",
    name: "docs",
    uid: "u",
    resourceVersion: "1",
    generation: 1,
    createdAt: 0,
    deleting: false,
    spec: {},
    plan: planOf({}, handler.defaults),
    status: { phase: "Pending" as const },
  };
  const observation: Observation = {
    run,
    attempt: { number: 1, round: 1, name: "docs-docs-1" },
    jobSeen: true,
    others: { jobs: [], pods: [] },
  };

  it("has no tasks before its end, nor when nobody told of them", () => {
    expect(handler.checkStatus({ ...observation, job }, timing, 0)).toMatchObject({
      state: { type: "waiting" },
    });
    const gone = handler.checkStatus(observation, timing, 0);
    expect(gone).toEqual({ state: checkAttempt(observation, timing, 0), statusFields: {} });
  });
});
