import { expect, it } from "vitest";
import { isWrite, readCall } from "./api-call.ts";

const jobs = "/apis/batch/v1/namespaces/team/jobs";

it.each([
  ["GET", `${jobs}/one`, { verb: "get", resource: "jobs", namespace: "team", name: "one" }],
  ["GET", `${jobs}?limit=500`, { verb: "list", resource: "jobs", namespace: "team" }],
  ["GET", "/api/v1/pods?watch=true&resourceVersion=7", { verb: "watch", resource: "pods" }],
  ["POST", jobs, { verb: "create", resource: "jobs", namespace: "team" }],
  ["PUT", "/apis/coordination.k8s.io/v1/namespaces/team/leases/one", { verb: "update", resource: "leases" }],
  ["PATCH", `${jobs}/one/status`, { verb: "patch", resource: "jobs/status", name: "one" }],
  ["DELETE", "/api/v1/namespaces/team", { verb: "delete", resource: "namespaces", name: "team" }],
  ["POST", "/repos/team/shop/pulls", { verb: "other", resource: "" }],
])("reads %s %s", (method, path, call) => {
  expect(readCall(method, path)).toMatchObject({ ...call, method, path });
});

it("knows what writes", () => {
  expect([readCall("GET", jobs), readCall("POST", jobs), readCall("DELETE", `${jobs}/a`)].map(isWrite)).toEqual([
    false,
    true,
    true,
  ]);
});
