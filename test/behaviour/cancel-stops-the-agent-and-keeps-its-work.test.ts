import { resources } from "@orchestrator/controller-runtime";
import type { RunStatus } from "@orchestrator/core";
import type { ApiCall, FaultProxy } from "@orchestrator/fault-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { backlog } from "../support/backlog.ts";
import { git } from "../support/gateway.ts";
import { docsRuns, implementationRuns, waitForRun } from "../support/runs.ts";
import { startTlsProxy } from "../support/tls-proxy.ts";
import { waitFor } from "../support/wait.ts";
import { startWorkbench, type Workbench } from "../support/workbench.ts";

const kinds = { docs: docsRuns, implementation: implementationRuns } as const;
type Kind = keyof typeof kinds;

/** Requests to the forge that wait for the test, by what is in their path. */
const gates = new Map<string, { call: RegExp; reached: () => void; opened: Promise<void> }>();

const tokenForProxy = { name: "token-for-the-proxy" };

let bench: Workbench;
let forge: FaultProxy;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  bench = stack.use(await startWorkbench("cancel"));
  forge = stack.use(await startTlsProxy({ target: bench.forge.url, onRequest: hold }));
  await bench.secret(tokenForProxy.name, { token: bench.forge.token, host: new URL(forge.url).host });
  stack.use(await bench.operator("docs-generation-operator"));
  stack.use(await bench.operator("task-implementation-operator"));
});
afterAll(() => stack.disposeAsync());

async function hold({ method, path }: ApiCall): Promise<void> {
  const gate = [...gates].find(([name, { call }]) => path.includes(`/${name}`) && call.test(`${method} ${path}`))?.[1];
  gate?.reached();
  await gate?.opened;
}

/** The forge lets nothing of that repository pass that is such a call, until it is opened. */
function gateAt(name: string, call: RegExp): { reached: Promise<void>; open: () => void } {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  gates.set(name, { call, reached: reached.resolve, opened: opened.promise });
  return { reached: reached.promise, open: opened.resolve };
}

interface Run {
  status: () => Promise<Partial<RunStatus>>;
  until: (phase: RunStatus["phase"]) => Promise<Partial<RunStatus>>;
  /** Resolves when its pod has been told to end. */
  cancel: () => Promise<void>;
  edit: (spec: Record<string, unknown>) => Promise<void>;
  /** What `git ...args` says in its repository. */
  inForge: (...args: string[]) => Promise<string>;
  keptRef: string;
}

/** Applies a run of one task of that title. */
async function apply(kind: Kind, name: string, task: { title?: string; details?: string }): Promise<Run> {
  const made = await bench.repository(name, backlog([{ id: 1, ...task }]));
  const throughTheProxy = (url: string): string => url.replace(bench.forge.url, forge.url);
  const addresses = { url: throughTheProxy(made.url), apiUrl: throughTheProxy(made.apiUrl) };
  const repository = { ...made, ...addresses, secretRef: tokenForProxy };
  const key = { namespace: bench.namespace, name };
  const type = kinds[kind];
  const { metadata } = await bench.client.create(type, bench[kind](name, { repository }), { signal: soon() });
  const edit = async (spec: Record<string, unknown>): Promise<void> => {
    await bench.client.patch(type, key, { spec }, { type: "merge", signal: soon() });
  };
  return {
    edit,
    keptRef: `refs/orchestrator/${metadata.uid}`,
    status: async () => (await bench.client.get(type, key, { signal: soon() })).status ?? {},
    until: async (phase) =>
      (await waitForRun(bench.client, type, key, `to be ${phase}`, (seen) => seen.phase === phase)).status ?? {},
    async cancel() {
      await edit({ cancel: true });
      await waitFor(`the pod of ${name} to be told to end`, async (signal) => {
        const { items } = await bench.client.list(resources.pods, { namespace: bench.namespace, signal });
        const pod = items.find((item) => item.metadata.annotations?.["orchestrator.io/run-name"] === name);
        return pod?.spec.activeDeadlineSeconds === 1 ? { done: true } : { pending: pod?.spec };
      });
    },
    inForge: async (...args) => (await git("-C", bench.forge.repositoryPath(name), ...args)).trim(),
  };
}

const soon = (): AbortSignal => AbortSignal.timeout(30_000);
const cancelled = { type: "Succeeded", status: "False", reason: "Cancelled" };
const conditionOf = ({ conditions }: Partial<RunStatus>, type: string) =>
  conditions?.find((condition) => condition.type === type);

describe.concurrent("cancel", () => {
  test("while its pod prepares: it ends at no cost", async () => {
    const gate = gateAt("cancel-preparing", /info\/refs/);
    const run = await apply("docs", "cancel-preparing", {});
    await gate.reached;
    await run.cancel();
    const ended = await run.until("Cancelled");
    gate.open();
    expect(conditionOf(ended, "Succeeded")).toMatchObject(cancelled);
    expect(ended).toMatchObject({ attempts: [{ number: 1, reason: "Cancelled" }], usage: { turns: 0 } });
    expect(await run.inForge("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
  });

  test.each(["docs", "implementation"] as const)(
    "while the agent of the %s works: it ends, and its cost and where its work is are told",
    async (kind) => {
      const title = `Work on ${kind} for long`;
      bench.model.holds.hold(title, { afterCalls: 1 });
      const run = await apply(kind, `cancel-working-${kind}`, { title });
      await waitFor("the model to be asked", async () =>
        bench.model.holds.held(title) > 0 ? { done: true } : { pending: await run.status() },
      );
      await run.cancel();
      const ended = await run.until("Cancelled");
      bench.model.holds.release(title);
      const attempt = { number: 1, reason: "Cancelled", costUsd: ended.totalCostUsd };
      expect(conditionOf(ended, "Succeeded")).toMatchObject(cancelled);
      expect(ended).toMatchObject({ attempts: [attempt], usage: { turns: 1, costUsd: ended.totalCostUsd } });
      expect(conditionOf(ended, "Resumable")).toMatchObject({
        status: "True",
        message: expect.stringContaining(run.keptRef) as unknown,
      });
      expect(await run.inForge("ls-tree", "--name-only", run.keptRef)).toBe("ledger.json\ntranscripts");
    },
  );

  test.each(["docs", "implementation"] as const)(
    "while the %s is delivered: a delivery that is completed counts",
    async (kind) => {
      const name = `cancel-delivering-${kind}`;
      const gate = gateAt(name, /^POST .*pulls/);
      const run = await apply(kind, name, {});
      await gate.reached;
      await run.cancel();
      gate.open();
      expect(await run.until("Succeeded")).toMatchObject({
        attempts: [{ number: 1, reason: "Delivered" }],
        result: { pullRequest: { number: 1 } },
      });
    },
  );

  test("while it is delivered and the forge does not answer: the branch is told, and a next round delivers it", async () => {
    const gate = gateAt("cancel-stuck", /^POST .*pulls/);
    const run = await apply("implementation", "cancel-stuck", {});
    await gate.reached;
    await run.cancel();
    const ended = await run.until("Cancelled");
    const branch = ended.result?.branch ?? "";
    expect(ended.result).toEqual({ branch, commit: await run.inForge("rev-parse", branch) });
    expect(bench.forge.pullRequests("cancel-stuck")).toEqual([]);
    gates.delete("cancel-stuck");
    gate.open();
    await run.edit({ cancel: false, contextVersion: 2, followUp: "Go on." });
    expect(await run.until("Succeeded")).toMatchObject({ round: 2, result: { branch, pullRequest: { number: 1 } } });
    expect((await run.inForge("log", "--format=%s", `main..${branch}`)).split("\n")).toHaveLength(2);
  });

  test("while it waits as long as the provider asks: it ends at once, and what was spent stays known", async () => {
    const run = await apply("docs", "cancel-limited", { details: "[[rehearse:http-429]]" });
    const waiting = await run.until("Retrying");
    await run.edit({ cancel: true });
    const ended = await run.until("Cancelled");
    expect(ended).not.toHaveProperty("nextAttemptAt");
    expect(ended).toMatchObject({ attempts: [{ number: 1, reason: "RateLimited" }], usage: waiting.usage });
  });
});
