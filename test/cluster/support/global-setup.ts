import { readFile } from "node:fs/promises";
import type { TestProject } from "vitest/node";
import { runProgram } from "../../../scripts/images/run-program.ts";
import { followGuide } from "./guide.ts";

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

/** Names of what is ours in the cluster's own scope. */
async function ours(): Promise<string> {
  const kinds = "crds,clusterroles,clusterrolebindings,namespaces,validatingadmissionpolicies";
  return await runProgram("kubectl", ["get", kinds, "-l", "app.kubernetes.io/part-of=orchestrator", "-o", "name"]);
}

/** Builds and loads the images, starts forge and model in pods and installs the operators by the guide; removes all of it. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { KUBECONFIG: kubeconfig, LOAD_IMAGE: load } = process.env;
  if (!kubeconfig || !load) throw new Error("KUBECONFIG and LOAD_IMAGE (a command given an image archive) must be set");
  const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
  const before = await ours();
  if (before !== "")
    throw new Error(`the tests install and remove the operators, and this cluster has them:\n${before}`);
  const tearDown = async (): Promise<void> => {
    await followGuide("Uninstall", {});
    const left = await ours();
    if (left !== "") throw new Error(`what docs/install.md uninstalls leaves behind:\n${left}`);
  };
  try {
    await followGuide("Images", {});
    await followGuide("Try it without a key", {});
    const variables = await readVariables("dist/rehearsal/variables");
    await followGuide("Install", variables);
    provide("stage", { kubeconfig, variables, version });
    return tearDown;
  } catch (error) {
    const failures = [
      error,
      ...(await tearDown().then(
        () => [],
        (failure: unknown) => [failure],
      )),
    ];
    throw failures.length === 1 ? error : new AggregateError(failures, failures.map(String).join("\n"));
  }
}

/** What a reader's shell holds once it has taken in this file. */
async function readVariables(file: string): Promise<Record<string, string>> {
  const printed = await runProgram("bash", ["-c", `. ${file} && env`], { PATH: process.env["PATH"] });
  return Object.fromEntries(
    printed
      .trim()
      .split("\n")
      .map((line) => line.split(/=(.*)/s, 2)),
  ) as Record<string, string>;
}
