import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureCertificates } from "@orchestrator/local-cluster";
import type { TestProject } from "vitest/node";
import { followGuide, runShell } from "./guide.ts";
import {
  forgeHost,
  modelUrl,
  rehearsalNames,
  rehearsalNamespace,
  rehearsalObjects,
  rehearsalPort,
} from "./rehearsal.ts";

/** What the global setup tells the tests. */
export interface ClusterStage {
  kubeconfig: string;
  /** Files for the guide's commands; `ca.crt` signs the forge's and the model's certificate. */
  directory: string;
  /** Variables of the guide's commands. */
  variables: Record<string, string>;
  /** Tag of the images. */
  version: string;
}

declare module "vitest" {
  interface ProvidedContext {
    stage: ClusterStage;
  }
}

const archives = ["docs-generation-operator", "task-implementation-operator", "agent", "rehearsal"];

/** Fails when anything of ours is left in the cluster's own scope. */
const leftovers = `
left=$(kubectl get crds,clusterroles,clusterrolebindings,namespaces -l app.kubernetes.io/part-of=orchestrator -o name)
[ -z "$left" ]`;

/** Builds and loads the images, starts forge and model in pods and installs the operators by the guide; removes all of it. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { KUBECONFIG: kubeconfig, LOAD_IMAGE: load } = process.env;
  if (!kubeconfig || !load) throw new Error("KUBECONFIG and LOAD_IMAGE (a command given an image archive) must be set");
  const directory = await mkdtemp(join(tmpdir(), "test-cluster-"));
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  const variables = await writeFiles(directory);
  const tearDown = async (): Promise<void> => {
    await followGuide("Uninstall", variables);
    await runShell(leftovers);
    await runShell(`kubectl delete namespace ${rehearsalNamespace} --ignore-not-found`);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await followGuide("Images", {});
    for (const name of archives) await runShell(`${load} "$PWD/.tools/images/${name}.tar"`);
    await startRehearsal(directory, `orchestrator/rehearsal:${version}`);
    await followGuide("Install", variables);
    provide("stage", { kubeconfig, directory, variables, version });
    return tearDown;
  } catch (error) {
    await tearDown().catch(() => undefined);
    throw error;
  }
}

async function writeFiles(directory: string): Promise<Record<string, string>> {
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const certificates = await ensureCertificates(join(directory, "pki"), new Date(), rehearsalNames);
  return {
    CA_FILE: certificates.caFile,
    MODEL_URL: modelUrl,
    OPEN: `${rehearsalNamespace}:${rehearsalPort}`,
    TEAM: "team-a",
    FORGE_HOST: forgeHost,
    API_KEY_FILE: await file("api-key", "rehearsal-key-00000000-opens-nothing"),
    TOKEN_FILE: join(directory, "token"),
  };
}

async function startRehearsal(directory: string, image: string): Promise<void> {
  const { server } = await ensureCertificates(join(directory, "pki"), new Date());
  const objects = await rehearsalObjects(image, server);
  const file = join(directory, "rehearsal.json");
  await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }), { mode: 0o600 });
  await runShell(`kubectl apply -f ${file}`);
  for (const name of ["forge", "model"]) {
    await runShell(`kubectl -n ${rehearsalNamespace} rollout status deployment/${name} --timeout=120s`);
  }
  const token = `kubectl -n ${rehearsalNamespace} exec deployment/forge -- cat /data/forge.json`;
  await runShell(
    `${token} | node -p 'JSON.parse(require("fs").readFileSync(0)).token' | tr -d '\\n' > ${directory}/token`,
  );
}
