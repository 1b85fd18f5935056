import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeFiles } from "./volume-files.ts";

const current = "..data";

/**
 * Writes the files of a volume so that readers see all old or all new ones, as the kubelet does: a folder of their own
 * behind the link `..data`. Does nothing when they are there already.
 */
export async function writeAtomically(folder: string, files: VolumeFiles): Promise<void> {
  await mkdir(folder, { recursive: true });
  const before = await readlink(join(folder, current)).catch(() => undefined);
  if (before !== undefined && (await holds(join(folder, before), files))) return;
  const version = `..${new Date().toISOString().replaceAll(/[:.]/g, "_")}.${randomBytes(4).toString("hex")}`;
  await writeFiles(join(folder, version), files);
  await symlink(version, join(folder, `${current}_new`));
  await rename(join(folder, `${current}_new`), join(folder, current));
  await linkNames(folder, files);
  if (before !== undefined) await rm(join(folder, before), { recursive: true, force: true });
}

async function holds(folder: string, files: VolumeFiles): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  if (entries.filter((entry) => entry.isFile()).length !== files.size) return false;
  const same = await Promise.all(
    [...files].map(async ([path, { content }]) => {
      const found = await readFile(join(folder, path)).catch(() => undefined);
      return found?.equals(content) === true;
    }),
  );
  return same.every(Boolean);
}

async function writeFiles(folder: string, files: VolumeFiles): Promise<void> {
  await mkdir(folder);
  for (const [path, { content, mode }] of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: 0o600 });
    await chmod(file, mode);
  }
}

async function linkNames(folder: string, files: VolumeFiles): Promise<void> {
  const wanted = new Set([...files.keys()].map((path) => path.split("/")[0] ?? path));
  const present = (await readdir(folder)).filter((name) => !name.startsWith(".."));
  for (const name of present) if (!wanted.has(name)) await rm(join(folder, name));
  for (const name of wanted) if (!present.includes(name)) await symlink(join(current, name), join(folder, name));
}
