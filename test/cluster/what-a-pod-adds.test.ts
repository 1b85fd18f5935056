import { appendFile } from "node:fs/promises";
import type { Pod } from "@orchestrator/controller-runtime";
import { progressLine } from "@orchestrator/core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import { type ClusterLab, openLab, stateOf } from "./support/cluster-lab.ts";

let lab: ClusterLab;
beforeAll(async () => {
  lab = await openLab("times");
});
afterAll(() => lab[Symbol.asyncDispose]());

/** Milliseconds from the creation of a Job with the containers of a run that do nothing, until it is seen complete. */
async function floor(name: string): Promise<number> {
  const container = {
    image: `localhost/orchestrator/agent:${inject("stage").version}`,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  };
  const startupProbe = { exec: { command: ["true"] }, periodSeconds: 1 };
  const wait = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];
  const spec = {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    initContainers: [
      { ...container, name: "gateway", command: wait, restartPolicy: "Always", startupProbe },
      { ...container, name: "prepare", command: ["true"] },
    ],
    containers: [{ ...container, name: "agent", command: ["true"] }],
  } as Pod["spec"];
  const path = `/apis/batch/v1/namespaces/${lab.namespace}/jobs`;
  const body = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: { backoffLimit: 0, template: { spec } },
  };
  const began = performance.now();
  await lab.client.request({ method: "POST", path, body, signal: AbortSignal.timeout(30_000) });
  await waitFor(`Job ${name} to be complete`, async (signal) => {
    const { status } = await lab.client.request<{ status?: { succeeded?: number } }>({
      method: "GET",
      path: `${path}/${name}`,
      signal,
    });
    return status?.succeeded === 1 ? { done: true } : { pending: status };
  });
  return performance.now() - began;
}

/**
 * Milliseconds from the start of the agent's container, whose time has a resolution of one second, to the end of its session by
 * the runner's own account.
 */
async function sessionsOf(pod: Pod): Promise<number> {
  const log = await lab.kubectl("logs", pod.metadata.name, "-c", "agent");
  const times = log
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => progressLine.parse(JSON.parse(line)))
    .filter(({ step }) => step === "session" || step === "tool" || step === "task")
    .map(({ time }) => Date.parse(time));
  return Math.max(...times) - Date.parse(stateOf(pod, "agent").terminated?.startedAt ?? "");
}

async function measure(name: string): Promise<Record<string, number>> {
  const repository = await lab.repository(name, [{ id: 1 }]);
  const began = performance.now();
  const run = await lab.implement(name, { repository });
  const wait = { timeoutMs: 240_000, intervalMs: 50 };
  await lab.until(run, "is Running", ({ phase }) => phase === "Running" || phase === "Succeeded", wait);
  const working = performance.now() - began;
  const { phase, message } = await lab.end(run, wait);
  const whole = performance.now() - began;
  expect(phase, message).toBe("Succeeded");
  const sessions = await sessionsOf(await lab.pod(run));
  return { working, whole, sessions, bare: await floor(`bare-${name}`) };
}

function median(numbers: number[]): string {
  const middle = numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
  return `${(middle / 1000).toFixed(1)} s`;
}

test("measures apply to agent at work, and what the pod adds around the agent's own time, of five runs", async () => {
  const measured: Record<string, number>[] = [];
  for (let index = 0; index < 5; index += 1) measured.push(await measure(`timed-${index}`));
  const of = (value: (one: Record<string, number>) => number): string => median(measured.map(value));
  const lines = [
    `from apply to the agent at work       ${of(({ working = 0 }) => working)}`,
    `from apply to the pull request        ${of(({ whole = 0 }) => whole)}`,
    `the agent's own time                  ${of(({ sessions = 0 }) => sessions)}`,
    `a pod of such containers that do nothing ${of(({ bare = 0 }) => bare)}`,
    `added beyond both                     ${of(({ whole = 0, sessions = 0, bare = 0 }) => whole - sessions - bare)}`,
  ];
  await appendFile(".tools/test-cluster-times", `${lines.join("\n")}\n`);
  expect(measured).toHaveLength(5);
});
