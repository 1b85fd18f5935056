import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { findFreePorts } from "../process/free-port.ts";

const portNames = [
  "etcd",
  "etcdPeer",
  "apiServer",
  "controllerManager",
  "scheduler",
  "node",
  "forge",
  "model",
  "provisioner",
  "docsMetrics",
  "docsHealth",
  "implementationMetrics",
  "implementationHealth",
] as const;

/** Loopback TCP ports of everything in a cluster, chosen once and kept while its directory exists. */
export type ClusterPorts = Record<(typeof portNames)[number], number>;

const clusterFile = z.strictObject({
  version: z.literal(1),
  ports: z.record(z.enum(portNames), z.int().min(1).max(65_535)),
});

/** A `cluster.json` that cannot be used. */
export class ClusterFileUnreadable extends Error {
  override readonly name = "ClusterFileUnreadable";
  readonly path: string;

  constructor({ path, cause }: { path: string; cause: unknown }) {
    super(`${path} is damaged or of another version: run \`make local-down\`, then \`make local-up\`.`, { cause });
    this.path = path;
  }
}

/** The ports of the cluster in `directory`; undefined when there is none. */
export async function readPorts(directory: string): Promise<ClusterPorts | undefined> {
  const path = clusterFilePath(directory);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return clusterFile.parse(JSON.parse(text)).ports;
  } catch (cause) {
    throw new ClusterFileUnreadable({ path, cause });
  }
}

/** The ports of the cluster in `directory`, chosen now when there is none yet. */
export async function ensurePorts(directory: string): Promise<ClusterPorts> {
  const known = await readPorts(directory);
  if (known !== undefined) return known;
  const free = await findFreePorts(portNames.length);
  const ports = clusterFile.shape.ports.parse(Object.fromEntries(portNames.map((name, index) => [name, free[index]])));
  await mkdir(directory, { recursive: true });
  const path = clusterFilePath(directory);
  await writeFile(`${path}.new`, `${JSON.stringify({ version: 1, ports }, null, 2)}\n`);
  await rename(`${path}.new`, path);
  return ports;
}

function clusterFilePath(directory: string): string {
  return join(directory, "cluster.json");
}
