import { defineConfig } from "vitest/config";

const resolve = { conditions: ["@orchestrator/source"] };

/** The tests of `make test-cluster`: one after the other, because each may take the cluster's only node away. */
export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    name: "cluster",
    include: ["test/cluster/**/*.test.ts"],
    globalSetup: ["test/cluster/support/global-setup.ts"],
    environments: { __vitest__: { resolve } },
    testTimeout: 600_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
