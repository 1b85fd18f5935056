import { rename, writeFile } from "node:fs/promises";

/** Writes a file so that readers see the old or the new content, whole. `mode` default: 0o600. */
export async function replaceFile(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, content, { mode });
  await rename(temporary, path);
}
