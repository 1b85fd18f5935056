import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getBinaries, startControlPlane } from "@orchestrator/local-cluster";
import type { TestProject } from "vitest/node";
import { parseAllDocuments } from "yaml";
import { definitionsServed, type Grant, kubectlOk, type TestCluster } from "./cluster.ts";

const CRDS = fileURLToPath(new URL("../../crds/", import.meta.url));
const OVERLAY = fileURLToPath(new URL("../../deploy/overlays/namespaced/", import.meta.url));
const accountKinds: readonly string[] = ["ServiceAccount", "Role", "RoleBinding"];
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
    const paths = { directory, server, kubeconfig, caFile, serverCertificate, auditLog, kubectl };
    await installDefinitions(paths);
    const cluster: TestCluster = { ...paths, grants: await renderGrants(paths) };
    provide("cluster", cluster);
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

async function installDefinitions(cluster: Pick<TestCluster, "kubectl" | "kubeconfig">): Promise<void> {
  if (!existsSync(CRDS)) return;
  await kubectlOk(["apply", "--server-side", "-k", CRDS], { cluster });
  await definitionsServed(cluster);
}

async function renderGrants(cluster: Pick<TestCluster, "kubectl" | "kubeconfig">): Promise<Grant[]> {
  const rendered = await kubectlOk(["kustomize", OVERLAY], { cluster });
  const manifests = parseAllDocuments(rendered).map((document) => document.toJS() as Grant);
  return manifests.filter(({ kind }) => accountKinds.includes(kind));
}
