import { readFile } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { followGuide, runShell } from "./guide.ts";

/** What the global setup tells the tests. */
export interface ClusterStage {
  kubeconfig: string;
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

/** Fails when anything of ours is left in the cluster's own scope. */
const leftovers = `
left=$(kubectl get crds,clusterroles,clusterrolebindings,namespaces -l app.kubernetes.io/part-of=orchestrator -o name)
[ -z "$left" ]`;

/** Builds and loads the images, starts forge and model in pods and installs the operators by the guide; removes all of it. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { KUBECONFIG: kubeconfig, LOAD_IMAGE: load } = process.env;
  if (!kubeconfig || !load) throw new Error("KUBECONFIG and LOAD_IMAGE (a command given an image archive) must be set");
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  const tearDown = async (): Promise<void> => {
    await followGuide("Uninstall", {});
    await runShell(leftovers);
  };
  try {
    await followGuide("Images", {});
    await followGuide("Try it without a key", {});
    const variables = await readVariables("dist/rehearsal/variables");
    await followGuide("Install", variables);
    provide("stage", { kubeconfig, variables, version });
    return tearDown;
  } catch (error) {
    await tearDown().catch(() => undefined);
    throw error;
  }
}

/** Of a file that a reader takes into the shell. */
async function readVariables(file: string): Promise<Record<string, string>> {
  const exported = (await readFile(file, "utf8")).matchAll(/^export (?<name>\w+)=(?<value>.*)$/gm);
  return Object.fromEntries([...exported].map(({ groups }) => [groups?.["name"] ?? "", groups?.["value"] ?? ""]));
}
