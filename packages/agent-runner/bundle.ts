import { rm } from "node:fs/promises";
import { build } from "esbuild";

const outdir = `${import.meta.dirname}/dist`;

await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: { "agent-runner": `${import.meta.dirname}/src/main.ts` },
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  conditions: ["@orchestrator/source"],
  // Each mode loads its own pieces: the parsers cost ten times what the light modes need.
  splitting: true,
  banner: {
    // CommonJS packages inside the bundle ask for Node's own modules by require.
    js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
  },
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
  logLevel: "warning",
});
