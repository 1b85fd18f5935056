import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { agentCliPath } from "./agent-cli.ts";
import type { Image, ImageTable } from "./node/image-table.ts";

const PACKAGES = fileURLToPath(new URL("../../", import.meta.url));
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NODE = { hostPath: process.execPath, path: "/usr/local/bin/node" };
const TAG = "dev";

/** A file that an image is made of is not there. */
export class ImageIncomplete extends Error {
  override readonly name = "ImageIncomplete";
  readonly path: string;

  constructor({ image, path, cure }: { image: string; path: string; cure: string }) {
    super(`The image ${image} needs ${path}, which is not there: ${cure}.`);
    this.path = path;
  }
}

/**
 * The images of this product for the local node: the bundles of this working copy, the Node that runs this program and
 * the agent CLI that was installed with it.
 * @throws ImageIncomplete when a bundle has not been made
 * @throws AgentCliMissing when the agent CLI was not installed for this machine
 */
export async function localImages(): Promise<ImageTable> {
  const images = new Map<string, Image>([
    [`orchestrator/agent:${TAG}`, await agentImage()],
    [`orchestrator/docs-generation-operator:${TAG}`, await operatorImage("docs-generation-operator")],
    [`orchestrator/task-implementation-operator:${TAG}`, await operatorImage("task-implementation-operator")],
  ]);
  return images;
}

async function agentImage(): Promise<Image> {
  const bundle = await bundleFolder("agent-runner", "agent-runner.mjs");
  const wrapper = join(PACKAGES, "local-cluster/images/agent/agent-runner");
  return {
    entrypoint: ["agent-runner"],
    env: { PATH },
    mounts: [
      NODE,
      { hostPath: bundle, path: "/opt/orchestrator/agent-runner" },
      { hostPath: wrapper, path: "/usr/local/bin/agent-runner" },
      { hostPath: agentCliPath(), path: "/usr/local/bin/claude" },
    ],
  };
}

async function operatorImage(name: string): Promise<Image> {
  const bundle = await bundleFolder(name, "main.mjs");
  return {
    entrypoint: ["node", "/opt/orchestrator/operator/main.mjs"],
    env: { PATH },
    mounts: [NODE, { hostPath: bundle, path: "/opt/orchestrator/operator" }],
  };
}

async function bundleFolder(name: string, file: string): Promise<string> {
  const path = join(PACKAGES, name, "dist", file);
  try {
    await access(path);
  } catch {
    throw new ImageIncomplete({ image: `orchestrator/${name}`, path, cure: "run `make bundle`" });
  }
  return dirname(path);
}
