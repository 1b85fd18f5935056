import { rename, rm } from "node:fs/promises";
import { build } from "esbuild";

export interface BundleOptions {
  /** Folder of the package; the bundle goes to its `dist/`. */
  folder: string;
  /** The programs' source files by the names of their bundles, without ending. */
  entries: Record<string, string>;
  /** Puts what the program reads at run time beside it. */
  furnish?: (outdir: string) => Promise<void>;
}

/**
 * Bundles programs of a package and all that they need into `dist/<name>.mjs` and their chunks. The folder is put in place
 * whole, so that programs that run from the one before keep it.
 */
export async function bundle({ folder, entries, furnish }: BundleOptions): Promise<void> {
  const outdir = `${folder}/dist`;
  const next = `${folder}/dist.next`;
  await rm(next, { recursive: true, force: true });
  await build({
    entryPoints: entries,
    outdir: next,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // What a program loads only now and then stays out of its start.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    conditions: ["@orchestrator/source"],
    banner: {
      // CommonJS packages inside the bundle ask for Node's own modules by require.
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    minifyWhitespace: true,
    minifySyntax: true,
    keepNames: true,
    logLevel: "warning",
  });
  await furnish?.(next);
  await rm(outdir, { recursive: true, force: true });
  await rename(next, outdir);
}
