import { cp, rm } from "node:fs/promises";
import { templateFiles } from "@orchestrator/core";
import { build } from "esbuild";

const outdir = `${import.meta.dirname}/dist`;

await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: { main: `${import.meta.dirname}/src/main.ts` },
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  conditions: ["@orchestrator/source"],
  banner: {
    // CommonJS packages inside the bundle ask for Node's own modules by require.
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
  logLevel: "warning",
});
// The templates are read at run time from beside the bundle.
await cp(templateFiles, `${outdir}/files`, { recursive: true });
