import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { crdFiles, staleFiles } from "./files.ts";

const directory = fileURLToPath(new URL("../../../../crds/", import.meta.url));

/** `main.ts` writes `crds/*.yaml`; `main.ts --check` exits 1 and names those that are not what would be written. */
if (process.argv.includes("--check")) {
  const stale = await staleFiles(crdFiles(), (name) => readFile(directory + name, "utf8"));
  for (const name of stale) {
    process.stderr.write(`crds/${name} does not say what the zod schemas say: run \`pnpm crds\` and commit it\n`);
  }
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const { name, content } of crdFiles()) await writeFile(directory + name, content);
}
