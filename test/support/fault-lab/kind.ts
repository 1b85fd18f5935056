import type { ResourceType } from "@orchestrator/controller-runtime";
import type { JobHandler, RunObject } from "@orchestrator/core";
import { handler as docsHandler } from "@orchestrator/docs-generation-operator";
import { handler as implementationHandler } from "@orchestrator/task-implementation-operator";
import type { OperatorName } from "../operator.ts";
import { docsRun, implementationRun } from "../runs.ts";

/** A kind of run, and who carries it out. */
export interface Kind {
  name: KindName;
  operator: OperatorName;
  handler: Pick<JobHandler, "prefix" | "defaults"> & { resource: ResourceType<RunObject> };
  make: (namespace: string, name: string, spec: Record<string, unknown>) => RunObject;
}
export type KindName = "docs" | "implementation";

export const kinds: Readonly<Record<KindName, Kind>> = {
  docs: { name: "docs", operator: "docs-generation-operator", handler: docsHandler, make: docsRun },
  implementation: {
    name: "implementation",
    operator: "task-implementation-operator",
    handler: implementationHandler,
    make: implementationRun,
  },
};
