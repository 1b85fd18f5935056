import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../.tools/soak/", import.meta.url));

/** Tells whoever waits for a soak how far it is. */
export function say(line: string): void {
  process.stderr.write(`soak: ${line}\n`);
}

/** Prints what a soak has found, and keeps it in `.tools/soak/`. */
export async function writeReport(name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `${text}\n`);
  process.stderr.write(`\n${text}\n\n`);
}
