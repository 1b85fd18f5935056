import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubernetesClient, resources } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import {
  type Forge,
  localImages,
  type NodeOptions,
  type RehearsalModel,
  startForge,
  startRehearsalModel,
} from "@orchestrator/local-cluster";
import { inject } from "vitest";
import { adminClient, serverTls } from "./cluster.ts";
import { createNamespace } from "./namespace.ts";
import { startTestNode, type TestNode } from "./node.ts";
import { type OperatorName, type OperatorOptions, type RunningOperator, startOperator } from "./operator.ts";

/** Everything that runs of a namespace need to come to a pull request: a node, a forge, a model, Secrets. */
export interface Workbench extends AsyncDisposable {
  client: KubernetesClient;
  namespace: string;
  node: TestNode;
  forge: Forge;
  model: RehearsalModel;
  /** Makes a repository in the forge; answers what a run's spec says of it. */
  repository(name: string, files: Readonly<Record<string, string>>): Promise<RepositorySpec>;
  docs(name: string, spec: Record<string, unknown>): RunObject;
  implementation(name: string, spec: Record<string, unknown>): RunObject;
  secret(name: string, values: Record<string, string>): Promise<void>;
  /** Starts an operator for this namespace that knows the forge's and the model's authority. */
  operator(name: OperatorName, options?: Partial<OperatorOptions>): Promise<RunningOperator>;
}

export interface RepositorySpec {
  url: string;
  branch: string;
  provider: string;
  apiUrl: string;
  secretRef: { name: string };
}

/** Name of the Secret with the forge's token. */
export const forgeSecret = "repository-credentials";

export interface WorkbenchOptions {
  /** A workbench whose node, forge and model serve this one's namespace, too. */
  beside?: Workbench;
  /** Of the node. Default: what this machine has. */
  capacity?: NodeOptions["capacity"];
}

export async function startWorkbench(
  prefix: string,
  { beside, capacity = {} }: WorkbenchOptions = {},
): Promise<Workbench> {
  const stack = new AsyncDisposableStack();
  try {
    const { client, node, forge, model } = beside ?? (await startParts(stack, capacity));
    const namespace = stack.use(await createNamespace(client, prefix)).name;
    const secret = secretMaker(client, namespace);
    await secret("orchestrator-model", { "api-key": "rehearsal-key-of-the-workbench" });
    await secret(forgeSecret, { token: forge.token, host: new URL(forge.url).host });
    const run = runMaker(namespace, node);
    return {
      client,
      namespace,
      node,
      forge,
      model,
      secret,
      docs: (name, spec) => run("DocsGenerationRun", name, spec),
      implementation: (name, spec) =>
        run("TaskImplementationRun", name, { taskId: 1, serviceName: "greeter", agentName: "ada", ...spec }),
      repository: async (name, files) => ({
        url: await forge.createRepository(name, files),
        branch: "main",
        provider: "GitHub",
        apiUrl: forge.apiUrl,
        secretRef: { name: forgeSecret },
      }),
      operator: (operator, options = {}) =>
        startOperator({
          ...options,
          operator,
          namespace,
          client,
          env: { MODEL_BASE_URL: model.url, CA_BUNDLE: inject("cluster").caFile, ...options.env },
        }),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

type Parts = Pick<Workbench, "client" | "node" | "forge" | "model">;

async function startParts(
  stack: AsyncDisposableStack,
  capacity: WorkbenchOptions["capacity"] & object,
): Promise<Parts> {
  const client = await adminClient();
  stack.defer(() => client.close());
  const node = stack.use(await startTestNode(client, { images: await localImages(), capacity }));
  const forge = await openForge(stack);
  const model = await startRehearsalModel({ tls: await serverTls() });
  stack.defer(() => model.close());
  return { client, node, forge, model };
}

async function openForge(stack: AsyncDisposableStack): Promise<Forge> {
  const directory = await mkdtemp(join(tmpdir(), "workbench-forge-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const forge = await startForge({ directory, tls: await serverTls(), env: process.env });
  stack.defer(() => forge.close());
  return forge;
}

function secretMaker(client: KubernetesClient, namespace: string): Workbench["secret"] {
  return async (name, values) => {
    const data = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    );
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, type: "Opaque", data };
    await client.create(resources.secrets, secret, { signal: AbortSignal.timeout(30_000) });
  };
}

function runMaker(namespace: string, node: TestNode) {
  return (kind: string, name: string, spec: Record<string, unknown>): RunObject => ({
    apiVersion: "orchestrator.io/v1",
    kind,
    metadata: { name, namespace },
    spec: { pod: node.place, ...spec },
  });
}
