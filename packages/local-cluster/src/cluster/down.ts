import { readdir, rm } from "node:fs/promises";
import type { Log } from "../binaries/source.ts";
import { stopComponent } from "../process/component.ts";
import { withLock } from "../process/lock.ts";
import { componentNames } from "./components.ts";

/** A folder that is to be removed holds something else than a local cluster. */
export class NotACluster extends Error {
  override readonly name = "NotACluster";

  constructor({ directory }: { directory: string }) {
    super(`${directory} holds no local cluster (there is no cluster.json in it), so nothing of it is removed.`);
  }
}

/**
 * Ends every process of the cluster, the last started first, and removes its directory.
 * @throws NotACluster when the directory holds other things
 */
export async function bringDown(options: {
  directory: string;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  log: Log;
}): Promise<void> {
  const { directory, env, signal, log } = options;
  const entries = await entriesOf(directory);
  if (entries === undefined) return log(`there is no local cluster in ${directory}`);
  if (entries.length > 0 && !entries.includes("cluster.json")) throw new NotACluster({ directory });
  const onWait = (): void => log(`waiting for another command that works on ${directory}`);
  await withLock(directory, { signal, onWait, env }, async () => {
    for (const name of componentNames.toReversed()) {
      log(`${name} ${await stopComponent(name, { directory, signal })}`);
    }
    await rm(directory, { recursive: true, force: true });
  });
}

async function entriesOf(directory: string): Promise<string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
