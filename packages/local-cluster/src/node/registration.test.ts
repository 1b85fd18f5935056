import {
  ApiError,
  type Clock,
  createLogger,
  type KubernetesClient,
  type KubernetesObject,
} from "@orchestrator/controller-runtime";
import { expect, test } from "vitest";
import { KUBERNETES_VERSION } from "../binaries/versions.ts";
import { keepAlive } from "./registration.ts";

/** Time that passes as fast as it is waited for. */
function hurryingClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    elapsed: () => now,
    schedule: (milliseconds, callback) => {
      const timer = setImmediate(() => {
        now += milliseconds;
        callback();
      });
      return () => clearImmediate(timer);
    },
  };
}

test("a node that was deleted is registered anew, and what fails of that is logged and tried again", async () => {
  const found: string[] = [];
  const stop = new AbortController();
  let exists = false;
  let refusals = 1;
  const client = {
    get: () =>
      exists
        ? Promise.resolve({ metadata: { name: "local" } })
        : Promise.reject(new ApiError({ status: 404, reason: "NotFound", message: "no such node" })),
    create: (_: unknown, { kind }: KubernetesObject) => {
      found.push(`create ${kind}`);
      if (refusals-- > 0) throw new ApiError({ status: 403, reason: "Forbidden", message: "not yet" });
      exists = true;
      return Promise.resolve();
    },
    patch: (_: unknown, __: unknown, { status }: { status?: { nodeInfo: { kubeletVersion: string } } }) => {
      if (status !== undefined) {
        found.push(`status ${status.nodeInfo.kubeletVersion}`);
        stop.abort(new Error("seen"));
      }
      return Promise.resolve();
    },
  } as unknown as KubernetesClient;
  const logger = createLogger({
    level: "warn",
    name: "test",
    destination: { write: (line) => void found.push(`warn ${(JSON.parse(line) as Warning).err.message}`) },
  });
  const options = { client, clock: hurryingClock(), logger, name: "local", taints: [], port: 1, capacity: {} };
  await expect(keepAlive({ ...options, heartbeatMs: 300_000 }, stop.signal)).rejects.toThrow("seen");
  expect(found).toEqual(["create Node", "warn not yet", "create Node", `status ${KUBERNETES_VERSION}`]);
});

interface Warning {
  err: { message: string };
}
