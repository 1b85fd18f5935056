import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { inputFiles } from "@orchestrator/core/pure";
import type { Paths } from "../steps/paths.ts";

/** Where the agent CLI puts its temporary files. */
export function agentTemporary(paths: Pick<Paths, "home">): string {
  return join(paths.home, "tmp");
}

/** What would change how an agent or Git behaves, had another run of the service left it. Caches stay. */
const leftovers = [".claude.json", ".gitconfig", ".config/git"];

/** Makes the agent's home, with the run's settings as those of its user. */
export async function layOutHome(paths: Paths): Promise<void> {
  const old = [paths.claudeConfig, agentTemporary(paths), ...leftovers.map((name) => join(paths.home, name))];
  for (const path of old) await rm(path, { recursive: true, force: true });
  for (const folder of [paths.claudeConfig, agentTemporary(paths), paths.steps]) {
    await mkdir(folder, { recursive: true });
  }
  await copyFile(join(paths.inputs, inputFiles.settings), join(paths.claudeConfig, "settings.json"));
}
