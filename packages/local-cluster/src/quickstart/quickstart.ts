import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KubernetesClient, loadConnection, type ResourceType } from "@orchestrator/controller-runtime";
import { type RunningCluster, bringUp } from "../cluster/up.ts";
import { followRun } from "./follow-run.ts";
import { kubectlApply } from "./kubectl-apply.ts";
import { announceModel, chooseModel } from "./model.ts";
import { createScreen, type ScreenOutput } from "./render.ts";
import { newRunView, type RunView } from "./run-view.ts";
import { instantiateSample, type SampleRun } from "./sample.ts";
import { closingWords } from "./summary.ts";

const samplesFolder = fileURLToPath(new URL("../../../../deploy/samples/", import.meta.url));
const namespace = "default";

const samples = [
  { file: "docs-generation-run.yaml", plural: "docsgenerationruns" },
  { file: "task-implementation-run.yaml", plural: "taskimplementationruns" },
];

export interface QuickstartOptions {
  /** Absolute path; holds everything of the local cluster. */
  directory: string;
  /** Where the reader's shell is. */
  workingDirectory: string;
  env: Record<string, string | undefined>;
  output: ScreenOutput;
  /** Makes the names of this quickstart's runs new. */
  suffix: string;
  signal: AbortSignal;
}

/**
 * Brings the local cluster up, applies both samples and shows their progress to the end.
 * @returns the exit code: 0 when both runs have succeeded.
 */
export async function runQuickstart(options: QuickstartOptions): Promise<number> {
  const { directory, workingDirectory, env, output, suffix, signal } = options;
  const say = (line: string): void => void output.write(`${line}\n`);
  const model = chooseModel(env);
  say(announceModel(model));
  const cluster = await bringUp({ directory, env, signal, log: say, model });
  const runs = await Promise.all(samples.map((sample) => readSample(sample.file, suffix, cluster)));
  for (const run of runs) say(await kubectlApply(cluster, run, signal));
  const views = await followAll(cluster, runs, output, signal);
  const rehearsed = model.type === "rehearsal";
  say(closingWords({ workingDirectory, directory, caFile: cluster.caFile, namespace, rehearsed, views }));
  return views.every(({ phase }) => phase === "Succeeded") ? 0 : 1;
}

async function readSample(file: string, suffix: string, { repository }: RunningCluster): Promise<SampleRun> {
  const yaml = await readFile(join(samplesFolder, file), "utf8");
  return instantiateSample({ yaml, suffix, namespace, repository });
}

async function followAll(
  { kubeconfig, kubectl }: RunningCluster,
  runs: SampleRun[],
  output: ScreenOutput,
  signal: AbortSignal,
): Promise<RunView[]> {
  const screen = createScreen(output);
  const views = runs.map(({ kind, metadata }) => newRunView(kind, metadata.name));
  const connection = await loadConnection({ kubeconfig, env: {} });
  const client = new KubernetesClient({ connection, userAgent: "quickstart" });
  try {
    const following = runs.map(({ kind, metadata: { name } }, index) =>
      followRun({
        client,
        type: resourceTypeOf(kind, samples[index]?.plural ?? ""),
        namespace,
        name,
        kubectl,
        kubeconfig,
        onView: (view) => {
          views[index] = view;
          screen.show(views);
        },
        signal,
      }),
    );
    return await Promise.all(following);
  } finally {
    await client.close();
  }
}

function resourceTypeOf(kind: string, plural: string): ResourceType {
  return { group: "orchestrator.io", version: "v1", kind, plural, namespaced: true };
}
