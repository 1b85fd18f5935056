import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubernetesObject } from "@orchestrator/controller-runtime";
import { kubectl } from "./cluster.ts";

/**
 * Runs one kubectl command over many objects, each in a file of its own.
 *
 * @returns what kubectl said against each object, by its name; the names that are absent were accepted.
 * @throws when kubectl leaves one of them untold.
 */
export async function kubectlFiles(args: string[], objects: KubernetesObject[]): Promise<Map<string, string>> {
  const directory = await mkdtemp(join(tmpdir(), "objects-"));
  try {
    for (const [index, object] of objects.entries()) {
      await writeFile(join(directory, `${index}.json`), JSON.stringify(object));
    }
    const { stdout, stderr } = await kubectl([...args, "-o", "name", "-f", directory]);
    const accepted = new Set(stdout.split("\n").map((line) => line.split("/")[1]));
    const refusals = new Map<string, string>();
    for (const refusal of stderr.split(/^(?=Error from server)/m).filter((part) => part !== "")) {
      const index = Number(/(\d+)\.json"/.exec(refusal)?.[1]);
      refusals.set(objects[index]?.metadata.name ?? "", refusal);
    }
    const untold = objects.find(({ metadata: { name } }) => accepted.has(name) === refusals.has(name));
    if (untold !== undefined) throw new Error(`kubectl does not tell ${untold.metadata.name}'s fate: ${stderr}`);
    return refusals;
  } finally {
    await rm(directory, { recursive: true });
  }
}
