import { rename, rm } from "node:fs/promises";
import { build, type Plugin } from "esbuild";

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
    plugins: [withoutUnusedModels, withoutLocales, builtinHttp, undiciDispatchers],
    logLevel: "warning",
  });
  await furnish?.(next);
  await rm(outdir, { recursive: true, force: true });
  await rename(next, outdir);
}

/** Lets go of what nothing uses of the Kubernetes client: a class for every kind there is. */
const withoutUnusedModels: Plugin = {
  name: "without-unused-models",
  setup: (build) => {
    build.onResolve({ filter: /./ }, async ({ path, importer, kind, resolveDir, pluginData }) => {
      const isOfClient = path === "@kubernetes/client-node" || importer.includes("/@kubernetes/client-node/");
      if (!isOfClient || pluginData === "resolved") return undefined;
      const resolved = await build.resolve(path, { importer, kind, resolveDir, pluginData: "resolved" });
      return { ...resolved, sideEffects: false };
    });
  },
};

/** What zod says in other languages than English, 300 KB of it: nothing asks for it. */
const withoutLocales: Plugin = {
  name: "without-locales",
  setup: (build) => {
    build.onResolve({ filter: /locales\/index\.js$/ }, ({ importer, resolveDir }) =>
      importer.includes("/zod/") ? { path: "en", namespace: "locales", pluginData: resolveDir } : undefined,
    );
    build.onLoad({ filter: /./, namespace: "locales" }, ({ pluginData: resolveDir }) => ({
      resolveDir: resolveDir as string,
      contents: 'export { default as en } from "../locales/en.js";',
    }));
  },
};

/** Importing `node:http` as a module calls its getters, one of which loads Node's own fetch and web sockets: 30 ms. */
const builtinHttp: Plugin = {
  name: "builtin-http",
  setup: (build) => {
    build.onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === "import-statement" ? { path: "http", namespace: "builtin" } : undefined,
    );
    build.onLoad({ filter: /./, namespace: "builtin" }, () => ({
      contents: 'module.exports = process.getBuiltinModule("node:http");',
    }));
  },
};

/**
 * The index of undici loads all of it, fetch, web sockets and mocks included: 60 ms. Who imports it gets `Agent` and `ProxyAgent`;
 * the whole is there for an import at run time.
 */
const undiciDispatchers: Plugin = {
  name: "undici-dispatchers",
  setup: (build) => {
    build.onResolve({ filter: /^undici$/ }, ({ kind, resolveDir: pluginData }) =>
      kind === "dynamic-import" ? undefined : { path: "undici", namespace: "dispatchers", pluginData },
    );
    build.onLoad({ filter: /./, namespace: "dispatchers" }, ({ pluginData }) => ({
      resolveDir: pluginData as string,
      contents: `
        Object.assign(require("undici/lib/dispatcher/dispatcher.js").prototype, require("undici/lib/api/index.js"));
        exports.Agent = require("undici/lib/dispatcher/agent.js");
        exports.ProxyAgent = require("undici/lib/dispatcher/proxy-agent.js");`,
    }));
  },
};
