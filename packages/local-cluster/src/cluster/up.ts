import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { getBinaries } from "../binaries/get-binaries.ts";
import { runProgram } from "../binaries/run-program.ts";
import type { Log } from "../binaries/source.ts";
import { type ControlPlane, startControlPlane } from "../control-plane/control-plane.ts";
import { httpReady } from "../control-plane/readiness.ts";
import { localImages } from "../images.ts";
import { startComponent } from "../process/component.ts";
import { withLock } from "../process/lock.ts";
import type { SampleRepository } from "../quickstart/sample.ts";
import { asAdministrator } from "./cluster-api.ts";
import { type ClusterPorts, ensurePorts } from "./cluster-file.ts";
import { forgeUrl, modelUrl, programComponents } from "./components.ts";
import { type DeploymentKey, untilAvailable } from "./deployments.ts";
import { DEFAULT_MODEL_SECRET, type ModelChoice, modelOf } from "./model-choice.ts";
import { installOperators, type LocalOperator, OPERATORS_NAMESPACE } from "./operators.ts";
import { CREDENTIALS_SECRET, ensureSampleRepository, forgeToken } from "./sample-repository.ts";
import { checkSandboxes } from "./sandbox-check.ts";
import { ensureSecret } from "./secrets.ts";

export interface UpOptions {
  /** Absolute path; holds everything of the cluster. */
  directory: string;
  /** Environment of this process. */
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  /** Told of each step. */
  log: Log;
  /** Default: the rehearsal model. */
  model?: ModelChoice;
  /** How long the operators may take to become available, in milliseconds. Default 120,000. */
  operatorsTimeoutMs?: number;
}

/** A local cluster that runs, with both operators. */
export interface RunningCluster {
  directory: string;
  server: string;
  /** Path of the administrator's kubeconfig. */
  kubeconfig: string;
  /** Path of the certificate that the forge's and the rehearsal model's are signed with. */
  caFile: string;
  /** Path of the program. */
  kubectl: string;
  /** A repository of the local forge with a small backlog, and the Secret in namespace `default` that opens it. */
  repository: SampleRepository;
}

/**
 * Starts what of the cluster does not run and installs the operators. What runs is kept, and so are all objects and
 * repositories.
 * @throws SandboxesForbidden, ImageIncomplete, ControlPlaneUnavailable, ComponentFailed, InstallFailed, DeploymentNotAvailable
 */
export async function bringUp(options: UpOptions): Promise<RunningCluster> {
  const { directory, env, signal, log } = options;
  await checkSandboxes({ env, signal });
  await localImages();
  const onWait = (): void => log(`waiting for another command that works on ${directory}`);
  return withLock(directory, { signal, onWait, env }, async () => {
    const ports = await ensurePorts(directory);
    const controlPlane = await startProcesses(ports, options);
    const repository = await furnish(ports, controlPlane, options);
    await install(ports, controlPlane, options);
    const { server, kubeconfig, caFile } = controlPlane;
    return { directory, server, kubeconfig, caFile, kubectl: join(directory, "bin", "kubectl"), repository };
  });
}

async function startProcesses(ports: ClusterPorts, { directory, env, signal, log }: UpOptions): Promise<ControlPlane> {
  const binaries = await getBinaries({ env, signal, log });
  const controlPlane = await startControlPlane({ directory, binaries, ports, lifetime: "detached", env, signal, log });
  for (const component of programComponents({ directory, ports, certificates: controlPlane.certificates })) {
    await startComponent(component, { directory, lifetime: "detached", env, signal, log });
  }
  await mkdir(join(directory, "bin"), { recursive: true });
  await rm(join(directory, "bin", "kubectl"), { force: true });
  await symlink(binaries.kubectl, join(directory, "bin", "kubectl"));
  return controlPlane;
}

/** What runs in the namespace `default` need: a repository with a backlog, and the Secrets for it and for the model. */
async function furnish(
  ports: ClusterPorts,
  { kubeconfig, caFile }: ControlPlane,
  { directory, signal, model }: UpOptions,
): Promise<SampleRepository> {
  const token = await forgeToken(join(directory, "forge"));
  const host = new URL(forgeUrl(ports)).host;
  await asAdministrator(kubeconfig, async (client) => {
    await ensureSecret(client, CREDENTIALS_SECRET, { token, host }, signal);
    await ensureSecret(client, DEFAULT_MODEL_SECRET, { "api-key": modelOf(model, modelUrl(ports)).apiKey }, signal);
  });
  return ensureSampleRepository({ forgeUrl: forgeUrl(ports), token, caFile, signal });
}

async function install(
  ports: ClusterPorts,
  { kubectl, kubeconfig, caFile }: ControlPlane,
  { directory, env, signal, log, model, operatorsTimeoutMs = 120_000 }: UpOptions,
): Promise<void> {
  log("installing both operators");
  const operators = localOperators(ports);
  const modelBaseUrl = modelOf(model, modelUrl(ports)).baseUrl;
  await installOperators({ directory, kubectl, kubeconfig, caFile, modelBaseUrl, operators, env, signal });
  const logs = async ({ namespace, name }: DeploymentKey): Promise<string> => {
    const args = ["--kubeconfig", kubeconfig, "-n", namespace, "logs", `deployment/${name}`, "--tail=10"];
    const { stdout, stderr } = await runProgram(kubectl, args, { env, signal });
    return `${stdout}${stderr}`.trim();
  };
  await asAdministrator(kubeconfig, async (client) => {
    for (const { name, healthPort } of operators) {
      const key = { namespace: OPERATORS_NAMESPACE, name };
      // A node that was killed could not say that the pod is gone, so the pod itself is asked too.
      const answers = httpReady(`http://127.0.0.1:${healthPort}/readyz`);
      await untilAvailable(client, key, { answers, timeoutMs: operatorsTimeoutMs, signal, logs });
    }
  });
}

function localOperators(ports: ClusterPorts): LocalOperator[] {
  return [
    { name: "docs-generation-operator", metricsPort: ports.docsMetrics, healthPort: ports.docsHealth },
    {
      name: "task-implementation-operator",
      metricsPort: ports.implementationMetrics,
      healthPort: ports.implementationHealth,
    },
  ];
}
