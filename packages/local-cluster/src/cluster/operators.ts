import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { runProgram } from "../binaries/run-program.ts";

const REPOSITORY = fileURLToPath(new URL("../../../../", import.meta.url));
const OVERLAY = join(REPOSITORY, "deploy/overlays/local");

/** Where the operators are installed. */
export const OPERATORS_NAMESPACE = "orchestrator-system";

/** One operator on the local cluster, where pods share this machine's ports. */
export interface LocalOperator {
  name: "docs-generation-operator" | "task-implementation-operator";
  metricsPort: number;
  healthPort: number;
}

export interface InstallOptions {
  /** Of the cluster; `deploy/` in it holds what is applied. */
  directory: string;
  kubectl: string;
  kubeconfig: string;
  caFile: string;
  modelBaseUrl: string;
  operators: LocalOperator[];
  env: Record<string, string | undefined>;
  signal: AbortSignal;
}

/** kubectl refused what was to be installed. */
export class InstallFailed extends Error {
  override readonly name = "InstallFailed";
}

/**
 * Applies the local overlay with this cluster's addresses put in. A bundle that has changed rolls its Deployment.
 * @throws InstallFailed with kubectl's words
 */
export async function installOperators(options: InstallOptions): Promise<void> {
  const { directory, kubectl, kubeconfig, caFile, env, signal } = options;
  const folder = join(directory, "deploy");
  await mkdir(folder, { recursive: true });
  // kustomize reads files below its own folder alone.
  await copyFile(caFile, join(folder, "ca.crt"));
  await writeFile(join(folder, "kustomization.yaml"), stringify(await kustomization(folder, options)));
  const args = ["--kubeconfig", kubeconfig, "apply", "-k", folder];
  const { code, stderr } = await runProgram(kubectl, args, { env, signal });
  if (code !== 0) throw new InstallFailed(`kubectl apply -k ${folder} failed: ${stderr.trim()}`);
}

async function kustomization(folder: string, { modelBaseUrl, operators }: InstallOptions): Promise<object> {
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: OPERATORS_NAMESPACE,
    resources: [relative(folder, OVERLAY)],
    configMapGenerator: [
      { name: "orchestrator-ca", files: ["ca.crt"] },
      ...operators.map(({ name, metricsPort, healthPort }) => ({
        name: `${name}-settings`,
        namespace: OPERATORS_NAMESPACE,
        behavior: "merge",
        literals: [`MODEL_BASE_URL=${modelBaseUrl}`, `METRICS_PORT=${metricsPort}`, `HEALTH_PORT=${healthPort}`],
      })),
    ],
    patches: await Promise.all(
      operators.map(async (operator) => ({
        target: { kind: "Deployment", name: operator.name },
        patch: stringify(await deploymentPatch(operator)),
      })),
    ),
  };
}

async function deploymentPatch({ name, metricsPort, healthPort }: LocalOperator): Promise<object[]> {
  const bundle = await readFile(join(REPOSITORY, "packages", name, "dist/main.mjs"));
  const annotations = { "orchestrator.io/bundle": createHash("sha256").update(bundle).digest("hex").slice(0, 16) };
  const ports = [
    { name: "metrics", containerPort: metricsPort },
    { name: "health", containerPort: healthPort },
  ];
  return [
    { op: "add", path: "/spec/template/metadata/annotations", value: annotations },
    { op: "replace", path: "/spec/template/spec/containers/0/ports", value: ports },
  ];
}
