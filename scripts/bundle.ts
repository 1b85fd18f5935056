import { rename, rm } from "node:fs/promises";
import { build } from "esbuild";

export interface BundleOptions {
  /** Folder of the package; the bundle goes to its `dist/`. */
  folder: string;
  /** Name of the program's file, without its ending. */
  name: string;
  /** Puts what the program reads at run time beside it. */
  furnish?: (outdir: string) => Promise<void>;
}

/**
 * Bundles `src/main.ts` of a package and all that it needs into `dist/<name>.mjs` and its chunks. The folder is put in place
 * whole, so that programs that run from the one before keep it.
 */
export async function bundle({ folder, name, furnish }: BundleOptions): Promise<void> {
  const outdir = `${folder}/dist`;
  const next = `${folder}/dist.next`;
  await rm(next, { recursive: true, force: true });
  await build({
    entryPoints: { [name]: `${folder}/src/main.ts` },
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
