import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getBinaries, startControlPlane } from "@orchestrator/local-cluster";
import type { TestProject } from "vitest/node";
import { kubectlOk, type TestCluster } from "./cluster.ts";

const CRDS = fileURLToPath(new URL("../../crds/", import.meta.url));
const START_LIMIT_MS = 20 * 60_000;

/** Starts the one cluster of a run of the behaviour tests; the function it answers ends it. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const signal = AbortSignal.timeout(START_LIMIT_MS);
  const env = process.env;
  const log = (line: string): void => void process.stderr.write(`cluster: ${line}\n`);
  const directory = await mkdtemp(join(tmpdir(), "orchestrator-test-"));
  const binaries = await getBinaries({ env, signal, log });
  const controlPlane = await startControlPlane({
    directory,
    binaries,
    settings: { nodeSilenceSeconds: 15 },
    env,
    signal,
  });
  const end = async (): Promise<void> => {
    await controlPlane.stop({ graceMs: 0 });
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const { server, kubeconfig, caFile, auditLog, kubectl, certificates } = controlPlane;
    const serverCertificate = certificates.server;
    const cluster: TestCluster = { directory, server, kubeconfig, caFile, serverCertificate, auditLog, kubectl };
    await installDefinitions(cluster);
    provide("cluster", cluster);
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

async function installDefinitions(cluster: TestCluster): Promise<void> {
  if (!existsSync(CRDS)) return;
  await kubectlOk(["apply", "--server-side", "-k", CRDS], { cluster });
  await kubectlOk(["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"], { cluster });
}
