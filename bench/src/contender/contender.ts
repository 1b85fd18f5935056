import { fileURLToPath } from "node:url";
import type { ResourceType } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { docsRuns, implementationRuns } from "../runs.ts";

/** A program that is measured. */
export interface Contender {
  /** Stands in tables. */
  name: string;
  command: readonly [string, ...string[]];
  /** Beside what every contender is told. */
  env: Readonly<Record<string, string>>;
  /** The runs that it works on. */
  runs: ResourceType<RunObject>;
  /** It watches nothing, and is told of each run by a line `name uid` on its standard input. */
  fed: boolean;
}

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const built = `${repository}.local/bench/bin`;

/** As the Deployments in `deploy/base` set it. */
const deployed = { NODE_OPTIONS: "--max-semi-space-size=8" };

function bundle(operator: string): [string, string] {
  return [process.execPath, `${repository}packages/${operator}/dist/main.mjs`];
}

export const docsOperator: Contender = {
  name: "docs operator",
  command: bundle("docs-generation-operator"),
  env: deployed,
  runs: docsRuns,
  fed: false,
};

export const implementationOperator: Contender = {
  name: "implementation operator",
  command: bundle("task-implementation-operator"),
  env: deployed,
  runs: implementationRuns,
  fed: false,
};

export const goOperator: Contender = {
  name: "Go operator",
  command: [`${built}/operator`],
  env: {},
  runs: docsRuns,
  fed: false,
};

export const floor: Contender = { name: "floor", command: [`${built}/floor`], env: {}, runs: docsRuns, fed: true };
