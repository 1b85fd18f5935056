import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { KubernetesClient, KubernetesObject, ResourceType } from "@orchestrator/controller-runtime";
import { hasEnded, newRunView, type RunView, withLogLine, withObject } from "./run-view.ts";

const pollMs = 300;

export interface FollowOptions {
  client: KubernetesClient;
  type: ResourceType;
  namespace: string;
  name: string;
  /** Path of kubectl, which shows the agent's log with the rights of the kubeconfig's user. */
  kubectl: string;
  kubeconfig: string;
  /** Told of each state, also when nothing changed. */
  onView: (view: RunView) => void;
  signal: AbortSignal;
}

/**
 * Reads a run and its agent's log until the run has ended.
 * @throws what kept kubectl from starting
 */
export async function followRun(options: FollowOptions): Promise<RunView> {
  const { client, type, namespace, name, onView } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let view = newRunView(type.kind, name);
  let log: Promise<void> | undefined;
  try {
    while (!hasEnded(view)) {
      const run = await client.get(type, { namespace, name }, { signal });
      view = withObject(view, run);
      onView(view);
      if (view.phase === "Running") {
        log ??= followLog(options, run, signal, (line) => {
          view = withLogLine(view, line);
          onView(view);
        }).catch((error: unknown) => stop.abort(error));
      }
      if (!hasEnded(view)) await delay(pollMs, undefined, { signal });
    }
    return view;
  } catch (error) {
    stop.signal.throwIfAborted();
    throw error;
  } finally {
    stop.abort();
    await log;
  }
}

function followLog(
  { kubectl, kubeconfig, namespace }: FollowOptions,
  run: KubernetesObject,
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<void> {
  const selector = `orchestrator.io/run-uid=${run.metadata.uid ?? ""}`;
  const child = spawn(
    kubectl,
    ["--kubeconfig", kubeconfig, "-n", namespace, "logs", "-f", "--tail=-1", "-l", selector, "-c", "agent"],
    { stdio: ["ignore", "pipe", "inherit"], signal },
  );
  createInterface({ input: child.stdout }).on("line", onLine);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => (signal.aborted ? resolve() : reject(error)));
    child.once("close", () => resolve());
  });
}
