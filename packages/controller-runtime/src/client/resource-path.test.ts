import { expect, it } from "vitest";
import { resources } from "../resources/resources.ts";
import { resourcePath, withQuery } from "./resource-path.ts";

it.each([
  { type: resources.pods, target: {}, path: "/api/v1/pods" },
  { type: resources.pods, target: { namespace: "one" }, path: "/api/v1/namespaces/one/pods" },
  {
    type: resources.jobs,
    target: { namespace: "one", name: "a", subresource: "status" },
    path: "/apis/batch/v1/namespaces/one/jobs/a/status",
  },
  { type: resources.nodes, target: { name: "a" }, path: "/api/v1/nodes/a" },
  { type: resources.nodes, target: { namespace: "ignored", name: "a" }, path: "/api/v1/nodes/a" },
  { type: resources.pods, target: { namespace: "one", name: "../x" }, path: "/api/v1/namespaces/one/pods/..%2Fx" },
])("the path $path", ({ type, target, path }) => {
  expect(resourcePath(type, target)).toBe(path);
});

it("leaves out of the query what is not given", () => {
  expect(withQuery("/x", { a: undefined, b: 1, c: true, d: "e=f" })).toBe("/x?b=1&c=true&d=e%3Df");
  expect(withQuery("/x", { a: undefined })).toBe("/x");
});
