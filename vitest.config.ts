import { defineConfig } from "vitest/config";

const resolve = { conditions: ["@orchestrator/source"] };
// What the global setup is loaded by.
const environments = { __vitest__: { resolve } };
const ssr = { resolve: { conditions: ["@orchestrator/source"] } };

export default defineConfig({
  resolve,
  ssr,
  test: {
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.d.ts"],
      reporter: ["text"],
    },
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "unit",
          // Nothing is kept in modules, so files need no process each.
          isolate: false,
          maxWorkers: 3,
          include: ["packages/*/src/**/*.test.ts", "bench/src/**/*.test.ts"],
          setupFiles: ["test/support/fixed-seed.ts"],
          testTimeout: 30_000,
          expect: { poll: { timeout: 15_000, interval: 10 } },
        },
      },
      {
        resolve,
        ssr,
        environments,
        test: {
          name: "behaviour",
          isolate: false,
          include: ["test/behaviour/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          testTimeout: 300_000,
          maxConcurrency: 10,
          hookTimeout: 300_000,
          maxWorkers: 3,
        },
      },
      {
        // By `make soak` alone.
        resolve,
        ssr,
        environments,
        test: {
          name: "soak",
          include: ["test/soak/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          testTimeout: 3_600_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
