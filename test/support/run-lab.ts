import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  type AttemptResources,
  type DocsGenerationRunSpec,
  docsGenerationRunSpec,
  noUsage,
  planOf,
  type TaskImplementationRunSpec,
  taskImplementationRunSpec,
} from "@orchestrator/core";
import { handler as docsHandler } from "@orchestrator/docs-generation-operator";
import { type Forge, type RehearsalModel, startRehearsalModel } from "@orchestrator/local-cluster";
import { handler as implementationHandler } from "@orchestrator/task-implementation-operator";
import type { RunInputs } from "@orchestrator/core/pure";
import { inject } from "vitest";
import { serverTls } from "./cluster.ts";
import { git, modelKey, startTestForge } from "./gateway.ts";
import { type PlayedPod, playPod } from "./pod.ts";

export const repositoryName = "local/shop";

/** A forge with one repository, and a model: what the pods of runs need beside themselves. */
export interface RunLab extends AsyncDisposable {
  forge: Forge;
  model: RehearsalModel;
  url: string;
  docs(spec?: Partial<DocsGenerationRunSpec>, pod?: LabPodOptions): Promise<PlayedPod>;
  implementation(spec?: Partial<TaskImplementationRunSpec>, pod?: LabPodOptions): Promise<PlayedPod>;
  /** Text of a file on a branch of the forge's repository; undefined where there is none. */
  file(branch: string, path: string): Promise<string | undefined>;
  /** What `git ...args` says in the forge's own repository. */
  inForge(...args: string[]): Promise<string>;
}

export interface LabPodOptions {
  /** Name and UID of the run. Default: `run`. */
  name?: string;
  programs?: Record<string, string | null>;
  /** Default: 1. */
  attempt?: number;
  /** Default: 1. */
  round?: number;
  /** Default: nothing. */
  spent?: RunInputs["spent"];
  /** What the attempt goes on from. Default: nothing. */
  resume?: RunInputs["resume"];
}

/** UID of the run of that name. */
export function uidOf(name: string): string {
  return `5a3e8c9d-7f00-4b1a-9c55-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;
}

/** @param files of the repository's branch `main` */
export async function startRunLab(files: Record<string, string>): Promise<RunLab> {
  const forge = await startTestForge();
  const model = await startRehearsalModel({ tls: await serverTls(), apiKey: modelKey, slowMs: 200 });
  const url = await forge.createRepository(repositoryName, files);
  const caBundle = await readFile(inject("cluster").caFile, "utf8");
  const repository = {
    url,
    branch: "main",
    provider: "GitHub" as const,
    apiUrl: forge.apiUrl,
    secretRef: { name: "forge" },
  };
  const settings = {
    agentImage: "orchestrator/agent:dev",
    modelBaseUrl: model.url,
    modelSecretName: "orchestrator-model",
    keepWork: true,
    caBundle,
    workspaceAccessMode: "ReadWriteOnce" as const,
    gracePeriodMs: 90_000,
  };
  const secrets = {
    forge: { token: forge.token, host: "127.0.0.1" },
    "orchestrator-model": { "api-key": modelKey },
  };
  const play = async (resources: AttemptResources, options: LabPodOptions): Promise<PlayedPod> =>
    await playPod({ resources, secrets, ...(options.programs && { programs: options.programs }) });
  const request = (kind: string, { name = "run", attempt = 1, round = 1, spent = noUsage, resume }: LabPodOptions) => ({
    run: { apiVersion: "orchestrator.io/v1", kind, namespace: "team", name, uid: uidOf(name) },
    attempt: { number: attempt, round, name: `attempt-${attempt}-of-${name}` },
    settings,
    spent,
    ...(resume && { resume }),
  });
  return {
    forge,
    model,
    url,
    async docs(given = {}, options = {}) {
      const spec = docsGenerationRunSpec.parse({ repository, ...given });
      const { run, ...rest } = request("DocsGenerationRun", options);
      const { timing } = planOf(spec, docsHandler.defaults);
      return await play(docsHandler.createResources({ ...rest, timing, run: { ...run, spec } }), options);
    },
    async implementation(given = {}, options = {}) {
      const needed = { taskId: 1, serviceName: "shop", agentName: "rex" };
      const spec = taskImplementationRunSpec.parse({ repository, ...needed, ...given });
      const { run, ...rest } = request("TaskImplementationRun", options);
      const { timing } = planOf(spec, implementationHandler.defaults);
      return await play(implementationHandler.createResources({ ...rest, timing, run: { ...run, spec } }), options);
    },
    async file(branch, path) {
      const listed = await git(
        "-C",
        forge.repositoryPath(repositoryName),
        "ls-tree",
        "--name-only",
        branch,
        "--",
        path,
      );
      return listed === ""
        ? undefined
        : await git("-C", forge.repositoryPath(repositoryName), "show", `${branch}:${path}`);
    },
    inForge: async (...args) => await git("-C", forge.repositoryPath(repositoryName), ...args),
    async [Symbol.asyncDispose]() {
      await model.close();
      await forge[Symbol.asyncDispose]();
    },
  };
}
