import { expect, it } from "vitest";
import { controllerOf } from "./owner-reference.ts";
import { resources } from "./resources/resources.ts";

const job = { apiVersion: "batch/v1", kind: "Job", name: "a", uid: "1", controller: true };
const other = { apiVersion: "v1", kind: "ConfigMap", name: "b", uid: "2" };

it.each([
  { name: "the one that controls", ownerReferences: [other, job], type: undefined, owner: job },
  { name: "none where there are none", ownerReferences: undefined, type: undefined, owner: undefined },
  { name: "none where none controls", ownerReferences: [other], type: undefined, owner: undefined },
  { name: "that of the kind asked for", ownerReferences: [job], type: resources.jobs, owner: job },
  { name: "in whatever version", ownerReferences: [job], type: { ...resources.jobs, version: "v2" }, owner: job },
  { name: "no other kind", ownerReferences: [job], type: resources.pods, owner: undefined },
  { name: "no other group", ownerReferences: [job], type: { group: "example.com", kind: "Job" }, owner: undefined },
])("the controlling owner is $name", ({ ownerReferences, type, owner }) => {
  expect(controllerOf({ ...(ownerReferences && { ownerReferences }) }, type)).toEqual(owner);
});
