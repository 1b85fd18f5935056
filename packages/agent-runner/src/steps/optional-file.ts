import { access, readFile } from "node:fs/promises";

/** What the system says of a path at which no file can be read: nothing is there, or something else is. */
const noFile: readonly unknown[] = ["ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENAMETOOLONG"];

/** Text of a file; undefined where there is none. */
export async function readOptional(path: string): Promise<string | undefined> {
  return (await readOptionalBytes(path))?.toString("utf8");
}

/** Bytes of a file; undefined where there is none. */
export async function readOptionalBytes(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && noFile.includes(error.code)) return undefined;
    throw error;
  }
}

/** Whether anything that can be reached is at this path. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
