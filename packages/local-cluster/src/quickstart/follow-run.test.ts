import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { beforeEach, expect, it } from "vitest";
import { followRun } from "./follow-run.ts";
import type { RunView } from "./run-view.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "follow-run-"));
  return () => rm(folder, { recursive: true });
});

/** Follows a run whose phase is what `phase` says. */
function follow({ kubectl, phase, onView = () => {} }: { kubectl: string; phase: () => string; onView?: Listener }) {
  const get = () =>
    Promise.resolve({ kind: "DocsGenerationRun", metadata: { name: "docs", uid: "u-1" }, status: { phase: phase() } });
  return followRun({
    client: { get } as unknown as KubernetesClient,
    type: {
      group: "orchestrator.io",
      version: "v1",
      kind: "DocsGenerationRun",
      plural: "docsgenerationruns",
      namespaced: true,
    },
    namespace: "default",
    name: "docs",
    kubectl,
    kubeconfig: join(folder, "kubeconfig"),
    onView,
    signal: new AbortController().signal,
  });
}

type Listener = (view: RunView) => void;

it("ends at once with what keeps kubectl from starting", async () => {
  const kubectl = join(folder, "kubectl");
  await expect(follow({ kubectl, phase: () => "Running" })).rejects.toThrow(`spawn ${kubectl} ENOENT`);
});

it("shows the agent's words, and ends with the run although the log goes on", async () => {
  const line = { time: "2026-01-01T00:00:00Z", step: "task", message: "task 1 done", tasksDone: 1, tasksTotal: 1 };
  const kubectl = join(folder, "kubectl");
  await writeFile(kubectl, `#!/bin/sh\necho '${JSON.stringify(line)}'\nexec sleep 60\n`);
  await chmod(kubectl, 0o755);
  let seen: RunView | undefined;
  const phase = (): string => (seen?.step === undefined ? "Running" : "Succeeded");
  const view = await follow({ kubectl, phase, onView: (next) => void (seen = next) });
  expect(view).toMatchObject({ phase: "Succeeded", step: "task 1 done", tasks: "1/1 tasks" });
});
