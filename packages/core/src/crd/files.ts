import { stringify } from "yaml";
import { customResourceDefinition } from "./custom-resource-definition.ts";
import { kinds } from "./kinds.ts";

/** One generated file of `crds/`. */
export interface CrdFile {
  name: string;
  content: string;
}

const header = "# Generated from packages/core/src/api by `pnpm crds`. Change the zod schemas, not this file.\n";

/** The files of `crds/` as they should be, byte for byte. */
export function crdFiles(): CrdFile[] {
  return kinds.map((frame) => ({
    name: `${frame.plural}.yaml`,
    content:
      header +
      stringify(customResourceDefinition(frame), {
        // Two kinds share parts of their schemas; each place must stand for itself.
        aliasDuplicateObjects: false,
        lineWidth: 0,
        sortMapEntries: true,
      }),
  }));
}

/** Names of the files that are missing or differ from what `files` says. */
export async function staleFiles(
  files: readonly CrdFile[],
  read: (name: string) => Promise<string>,
): Promise<string[]> {
  const stale: string[] = [];
  for (const { name, content } of files) {
    const found = await read(name).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    });
    if (found !== content) stale.push(name);
  }
  return stale;
}
