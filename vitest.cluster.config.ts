import { defineConfig } from "vitest/config";

const resolve = { conditions: ["@orchestrator/source"] };

/** The tests of `make test-cluster`: one after the other, because each may take the cluster's only node away. */
export default defineConfig({
  resolve,
  ssr: { resolve },
  // What the global setup is loaded by.
  environments: { __vitest__: { resolve } },
  test: {
    name: "cluster",
    include: ["test/cluster/**/*.test.ts"],
    globalSetup: ["test/cluster/support/global-setup.ts"],
    testTimeout: 600_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
