import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubernetesObject, ResourceType } from "@orchestrator/controller-runtime";
import { type Faults, type Forge, localImages, type NodeOptions, startForge } from "@orchestrator/local-cluster";
import { serverTls } from "../support/cluster.ts";
import { startTestNode, type TestNode } from "../support/node.ts";
import type { RunningOperator } from "../support/operator.ts";
import { type RepositorySpec, startWorkbench, type Workbench } from "../support/workbench.ts";

/** Where all endings are played: a node, a forge, a model and both operators, for one namespace. */
export interface Stage extends Workbench {
  operators: readonly RunningOperator[];
  /** A namespace beside it, whose operator gives agents a variable from a ConfigMap that is not there. */
  misconfigured: Workbench;
  /** A forge of the run's own, that does wrong; what a run's spec says of its one repository. */
  faultyForge: (
    name: string,
    files: Readonly<Record<string, string>>,
    faults?: Faults,
  ) => Promise<{ forge: Forge; repository: RepositorySpec }>;
  /** Makes a cluster-wide object, which goes with the stage. */
  shared: <T extends KubernetesObject>(type: ResourceType<T>, object: T) => Promise<void>;
  /** Starts a node of a run's own, which ends with the stage. */
  ownNode: (options?: Pick<NodeOptions, "capacity">) => Promise<TestNode>;
  /** Ends such a node as a broken machine ends: nobody hears of it. */
  breakNode: (name: string) => void;
}

/** The agent CLI tries once more. */
const quick = { spec: { containers: [{ name: "agent", env: [{ name: "CLAUDE_CODE_MAX_RETRIES", value: "1" }] }] } };
const missingVariable = {
  name: "GREETING",
  valueFrom: { configMapKeyRef: { name: "greetings", key: "english" } },
};
const misconfigured = { spec: { containers: [{ name: "agent", env: [missingVariable] }] } };

export async function startStage(): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = await mkdtemp(join(tmpdir(), "endings-"));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    // All pods fit at once: the machine is shared, whatever they ask for.
    const bench = stack.use(await startWorkbench("endings", { capacity: { cpu: "64", memory: "128Gi" } }));
    const beside = stack.use(await startWorkbench("endings-beside", { beside: bench }));
    const settings = async (template: object) => {
      const path = join(await mkdtemp(join(directory, "template-")), "pod.yaml");
      await writeFile(path, JSON.stringify(template));
      return { env: { POD_TEMPLATE: path, POD_GRACE_PERIOD: "10s" } };
    };
    const lives = new Map<string, AbortController>();
    const operators = await Promise.all([
      bench.operator("docs-generation-operator", await settings(quick)),
      bench.operator("task-implementation-operator", await settings(quick)),
    ]);
    for (const operator of operators) stack.use(operator);
    stack.use(await beside.operator("task-implementation-operator", await settings(misconfigured)));
    return {
      ...bench,
      operators,
      misconfigured: beside,
      faultyForge: (name, files, faults = {}) => startFaultyForge({ bench, stack, directory }, { name, files, faults }),
      shared: async (type, object) => {
        const { client } = bench;
        await client.create(type, object, { signal: soon() });
        stack.defer(async () => void (await client.delete(type, { name: object.metadata.name }, { signal: soon() })));
      },
      ownNode: async (options = {}) => {
        const life = new AbortController();
        const images = await localImages();
        const node = stack.use(await startTestNode(bench.client, { ...options, images, signal: life.signal }));
        lives.set(node.name, life);
        return node;
      },
      breakNode: (name) => lives.get(name)?.abort(),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function startFaultyForge(
  { bench, stack, directory }: { bench: Workbench; stack: AsyncDisposableStack; directory: string },
  { name, files, faults }: { name: string; files: Readonly<Record<string, string>>; faults: Faults },
): Promise<{ forge: Forge; repository: RepositorySpec }> {
  const forge = await startForge({ directory: join(directory, name), tls: await serverTls(), env: process.env });
  stack.defer(() => forge.close());
  const url = await forge.createRepository(name, files);
  forge.faults = faults;
  const secretRef = { name: `forge-${name}` };
  await bench.secret(secretRef.name, { token: forge.token, host: new URL(forge.url).host });
  return { forge, repository: { url, branch: "main", provider: "GitHub", apiUrl: forge.apiUrl, secretRef } };
}

function soon(): AbortSignal {
  return AbortSignal.timeout(30_000);
}
