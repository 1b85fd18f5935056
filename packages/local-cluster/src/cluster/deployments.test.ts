import type { Deployment, Pod } from "@orchestrator/controller-runtime";
import { expect, test } from "vitest";
import { describePod, isAvailable } from "./deployments.ts";

function deployment(status: Deployment["status"], generation = 2): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "operator", generation },
    spec: { replicas: 1, selector: {}, template: { spec: { containers: [] } } },
    ...(status !== undefined && { status }),
  };
}

const good = { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };

test.each([
  { what: "the newest version is up alone", status: good, available: true },
  { what: "nothing is known yet", status: undefined, available: false },
  { what: "the newest version has not been seen", status: { ...good, observedGeneration: 1 }, available: false },
  { what: "an older pod is left", status: { ...good, replicas: 2 }, available: false },
  { what: "the new pod is not up", status: { ...good, availableReplicas: 0 }, available: false },
  { what: "the new pod is not made", status: { ...good, updatedReplicas: 0 }, available: false },
])("available $available when $what", ({ status, available }) => {
  expect(isAvailable(deployment(status))).toBe(available);
});

test("a pod is described with what its containers wait for and how they ended", () => {
  const status: Pod["status"] = {
    phase: "Running",
    containerStatuses: [
      {
        name: "operator",
        ready: false,
        restartCount: 3,
        image: "",
        imageID: "",
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 1, reason: "Error" } },
      },
    ],
  };
  const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { containers: [] }, status };
  expect(describePod(pod)).toEqual([
    "pod p is Running",
    "container operator: not ready, 3 restarts; waiting: CrashLoopBackOff; last ended with 1 Error",
  ]);
});
