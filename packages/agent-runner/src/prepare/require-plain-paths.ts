import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { InvalidInputError } from "../tasks/invalid-input.ts";

/**
 * Checks that what is there of `paths` are plain files in plain folders. The gateway judges what Git holds at these
 * very paths, so that work read or written through a link would be paid for and never delivered.
 *
 * @param root the work tree, to which the paths are relative
 * @throws InvalidInputError naming the first path that is something else
 */
export async function requirePlainPaths(root: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) await requirePlainPath(root, path);
}

async function requirePlainPath(root: string, path: string): Promise<void> {
  const names = path.split("/");
  for (const index of names.keys()) {
    const part = names.slice(0, index + 1).join("/");
    const found = await lookAt(join(root, part));
    if (found === undefined) return;
    const wanted = part === path ? "file" : "folder";
    const kind = kindOf(found);
    if (kind !== wanted) {
      throw new InvalidInputError(`${part} in the repository is a ${kind}; it has to be a plain ${wanted}.`);
    }
  }
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return "symbolic link";
  return found.isDirectory() ? "folder" : "file";
}

async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (["ENOENT", "ENAMETOOLONG"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
