import { homedir } from "node:os";
import { join } from "node:path";
import { isExecutable } from "./assets-source.ts";
import type { Source } from "./source.ts";
import type { Release } from "./versions.ts";

/** Folder where the programs are kept: `${XDG_CACHE_HOME:-~/.cache}/orchestrator/control-plane/<version>`. */
export function cacheDirectory(env: Record<string, string | undefined>, { kubernetes }: Release): string {
  const base = env["XDG_CACHE_HOME"] || join(env["HOME"] ?? homedir(), ".cache");
  return join(base, "orchestrator", "control-plane", kubernetes);
}

/** What was downloaded or built before. Programs enter the folder by a rename, so that none is ever there in part. */
export function cacheSource(directory: string): Source {
  return {
    name: "the cache",
    async get(program) {
      const path = join(directory, program);
      if (await isExecutable(path)) return { type: "found", path };
      return { type: "unavailable", why: `${directory} has no ${program}` };
    },
  };
}
