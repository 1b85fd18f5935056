import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { inputFiles } from "@orchestrator/core/pure";
import type { Paths } from "../steps/paths.ts";
import { keepCaches } from "./keep-caches.ts";

/** Where the agent CLI puts its temporary files. */
export function agentTemporary(paths: Pick<Paths, "home">): string {
  return join(paths.home, "tmp");
}

/** Makes the agent's home, with the run's settings as those of its user, and no more of another run than its caches. */
export async function layOutHome(paths: Paths): Promise<void> {
  await mkdir(paths.home, { recursive: true });
  await keepCaches(paths.home);
  for (const folder of [paths.claudeConfig, agentTemporary(paths), paths.steps]) {
    await mkdir(folder, { recursive: true });
  }
  await copyFile(join(paths.inputs, inputFiles.settings), join(paths.claudeConfig, "settings.json"));
}
