import { expect, test } from "vitest";
import { workLost } from "./work-lost.ts";

const resume = {
  session: true,
  required: true,
  previous: { reason: "NodeLost", message: "the node went away" },
} as const;

test.each([
  ["in the repository", { resume }],
  ["in the workspace (PersistentVolumeClaim workspace-shop)", { resume, workspace: { claim: "workspace-shop" } }],
])("says that the work was not kept %s", (place, inputs) => {
  expect(workLost(inputs).verdict).toEqual({
    reason: "NodeLost",
    message: `the node went away; the work of that attempt was not kept ${place}, so that nothing can go on from it`,
    final: true,
  });
});
