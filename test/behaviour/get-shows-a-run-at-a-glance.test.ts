import type { KubernetesClient, ResourceType } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminClient, kubectlOk } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { docsRun, docsRuns, implementationRun, implementationRuns } from "../support/runs.ts";

let client: KubernetesClient;
let namespace: TestNamespace;

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "glance");
  const signal = AbortSignal.timeout(30_000);
  await client.create(docsRuns, docsRun(namespace.name, "docs"), { signal });
  await client.create(docsRuns, docsRun(namespace.name, "waiting"), { signal });
  await client.create(docsRuns, docsRun(namespace.name, "again"), { signal });
  await client.create(implementationRuns, implementationRun(namespace.name, "code", { taskId: 7 }), { signal });
});

afterAll(async () => {
  await namespace.delete();
  await client.close();
});

async function patchStatus(type: ResourceType<RunObject>, name: string, status: object): Promise<RunObject> {
  const signal = AbortSignal.timeout(30_000);
  const key = { namespace: namespace.name, name };
  return client.patch(type, key, { status }, { type: "merge", subresource: "status", signal });
}

async function finish(type: ResourceType<RunObject>, name: string, more: object): Promise<void> {
  const time = "2026-01-02T03:04:05Z";
  const succeeded = {
    type: "Succeeded",
    status: "True",
    reason: "Delivered",
    message: "Done.",
    lastTransitionTime: time,
  };
  const status = {
    phase: "Succeeded",
    conditions: [succeeded],
    totalCostUsd: "0.42",
    startTime: time,
    completionTime: "2026-01-02T03:04:05.123456Z",
    result: { branch: "b", pullRequest: { number: 3, url: "https://forge.example/team/backlog/pull/3" } },
    ...more,
  };
  await patchStatus(type, name, status);
}

/** Columns are parted by three spaces or more. */
async function table(resource: string, ...options: string[]): Promise<string[][]> {
  const text = await kubectlOk(["get", resource, "--namespace", namespace.name, ...options]);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd().split(/ {3,}/));
}

describe("kubectl get", () => {
  it("shows Pending before anyone has written a status", async () => {
    const rows = await table("dgr", "--field-selector", "metadata.name=waiting");

    expect(rows[1]?.slice(0, 2)).toEqual(["waiting", "Pending"]);
  });

  it("tells a docs run: phase, reason, tasks, cost, pull request, age", async () => {
    const counts = { summary: "2/2", total: 2, delivered: 2, upToDate: 0, failed: 0 };
    await finish(docsRuns, "docs", { tasks: counts });
    const rows = await table("docsgenerationruns", "--field-selector", "status.phase=Succeeded");

    expect(rows).toEqual([
      ["NAME", "PHASE", "REASON", "TASKS", "COST", "PULL REQUEST", "AGE"],
      [
        "docs",
        "Succeeded",
        "Delivered",
        "2/2",
        "0.42",
        "https://forge.example/team/backlog/pull/3",
        expect.any(String),
      ],
    ]);
  });

  it("tells an implementation run: phase, reason, task, cost, pull request, age", async () => {
    await finish(implementationRuns, "code", {});
    const rows = await table("tir", "--field-selector", "spec.taskId=7,spec.serviceName=greeter");

    expect(rows).toEqual([
      ["NAME", "PHASE", "REASON", "TASK", "COST", "PULL REQUEST", "AGE"],
      ["code", "Succeeded", "Delivered", "7", "0.42", "https://forge.example/team/backlog/pull/3", expect.any(String)],
    ]);
  });

  it("tells where a run stands that is tried again, with its message in the wide form", async () => {
    const status = {
      phase: "Retrying",
      message: "The node was lost; the next attempt starts soon.",
      round: 1,
      retries: { infrastructure: 1, agent: 0 },
      nextAttemptAt: "2026-01-02T03:04:05.678Z",
      attempts: [{ number: 1, round: 1, jobName: "again-1", outcome: "Failed", reason: "NodeLost" }],
    };
    const patched = await patchStatus(docsRuns, "again", status);
    const rows = await table("dgr", "--field-selector", "status.phase=Retrying", "-o", "wide");

    expect(patched.status).toEqual(status);
    expect(rows[0]?.at(-1)).toBe("MESSAGE");
    expect([rows[1]?.at(1), rows[1]?.at(-1)]).toEqual([status.phase, status.message]);
  });

  it.each(["Suspended", "Cancelled"])("takes %s for a phase", async (phase) => {
    const patched = await patchStatus(docsRuns, "waiting", { phase });

    expect(patched.status?.phase).toBe(phase);
  });
});
