import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";

/** Removes a folder with all that is in it, also where folders within it were made read-only. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await promisify(execFile)("/bin/chmod", ["-R", "u+rwX", path]);
    await rm(path, { recursive: true, force: true });
  }
}

function isRefusal(error: unknown): boolean {
  return ["EACCES", "EPERM", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "");
}
