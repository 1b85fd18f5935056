import { stringify } from "yaml";
import { customResourceDefinition } from "./custom-resource-definition.ts";
import { kinds } from "./kinds.ts";

/** One generated file of `crds/`. */
export interface CrdFile {
  name: string;
  content: string;
}

const header = "# Generated from packages/core/src/api by `make crds`. Change the zod schemas, not this file.\n";

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

/** Where the files lie. */
export interface CrdStore {
  /** Rejects with code ENOENT when there is no such file. */
  read(name: string): Promise<string>;
  write(name: string, content: string): Promise<void>;
}

/**
 * Writes every file as it should be; with `--check` writes none, and tells `complain` which of them are not.
 *
 * @returns the exit code: 1 when a file is missing or stale.
 */
export async function generate(
  args: readonly string[],
  store: CrdStore,
  complain: (line: string) => void,
): Promise<0 | 1> {
  if (!args.includes("--check")) {
    for (const { name, content } of crdFiles()) await store.write(name, content);
    return 0;
  }
  const stale = await staleFiles(store);
  for (const name of stale) {
    complain(`crds/${name} does not say what the zod schemas say: run \`make crds\` and commit it`);
  }
  return stale.length === 0 ? 0 : 1;
}

async function staleFiles(store: CrdStore): Promise<string[]> {
  const stale: string[] = [];
  for (const { name, content } of crdFiles()) {
    const found = await store.read(name).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    });
    if (found !== content) stale.push(name);
  }
  return stale;
}
