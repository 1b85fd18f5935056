/** Renders what is applied to a cluster: one file for each operator, one for both, and one for both in one namespace. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { imageReference, loadedRepository } from "./images/image-reference.ts";
import { runProgram } from "./images/run-program.ts";

const { values } = parseArgs({
  options: {
    /** Folder of `make images`. */
    images: { type: "string", default: ".tools/images" },
    /** Where the images lie in a registry. Default: they are loaded into nodes. */
    repository: { type: "string" },
    output: { type: "string", default: "dist" },
    /** Default: the version of this working copy. */
    tag: { type: "string" },
  },
});
const { images, repository, output } = values;
const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
const tag = values.tag ?? version;
const operators = ["docs-generation-operator", "task-implementation-operator"];

const files = [
  { name: "install.yaml", resources: ["overlays/default"], brings: operators },
  { name: "install-namespaced.yaml", resources: ["overlays/namespaced"], brings: operators },
  ...operators.map((operator) => ({
    name: `install-${operator}.yaml`,
    resources: ["base/namespace", `base/${operator}`],
    brings: [operator],
  })),
];

async function kustomization(folder: string, { resources, brings }: (typeof files)[number]): Promise<object> {
  const agent = await imageReference("agent", { repository, images, tag });
  const agentImage = agent.newName + ("digest" in agent ? `@${agent.digest}` : `:${agent.newTag}`);
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: "orchestrator-system",
    resources: resources.map((path) => relative(folder, join("deploy", path))),
    configMapGenerator: brings.map((operator) => ({
      name: `${operator}-settings`,
      behavior: "merge",
      literals: [`AGENT_IMAGE=${agentImage}`],
    })),
    images: await Promise.all(
      brings.map(async (operator) => ({
        name: `${loadedRepository}/${operator}`,
        ...(await imageReference(operator, { repository, images, tag })),
      })),
    ),
  };
}

await mkdir(output, { recursive: true });
for (const file of files) {
  // kustomize reads no folder outside that of its kustomization but by a relative path.
  const folder = join(".tools", "release");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "kustomization.yaml"), stringify(await kustomization(folder, file)));
  await writeFile(join(output, file.name), await runProgram("kubectl", ["kustomize", folder]));
  process.stdout.write(`${join(output, file.name)}\n`);
}
